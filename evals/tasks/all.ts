/** Every task. */
import type { Task } from '../task.ts';
import { appointmentsTasks } from './appointments.ts';
import { bookingTasks } from './booking.ts';
import { informationTasks } from './information.ts';
import { registrationTasks } from './registration.ts';
import { rightsTasks } from './rights.ts';

export const allTasks: readonly Task[] = [
  ...bookingTasks,
  ...appointmentsTasks,
  ...rightsTasks,
  ...registrationTasks,
  ...informationTasks,
];
