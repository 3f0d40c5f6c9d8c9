/** How each language says a time: its names, and how they are put together. */

/** A time of day. */
type HourAndMinute = readonly [hour: number, minute: number];

/** A language's names of days and months, and its ways to put them together. */
export interface WhenSpeech {
  /** From Monday on. */
  readonly weekdays: readonly string[];
  /** Three letters, for lists. */
  readonly weekdaysShort: readonly string[];
  readonly months: readonly string[];
  /** Parts of the day by their hours. */
  readonly parts: Readonly<Record<string, string>>;
  /** Between hour and minute in lists. */
  readonly hourMark: string;
  readonly allDay: string;
  readonly day: (weekday: string, day: number, month: string, year: number) => string;
  readonly shortDay: (day: number, month: number) => string;
  readonly days: (first: string, last: string) => string;
  readonly weekOf: (days: string) => string;
  readonly month: (month: string, year: number) => string;
  readonly dayAnd: (day: string, hours: string) => string;
  readonly at: (...time: HourAndMinute) => string;
  readonly from: (...time: HourAndMinute) => string;
  readonly until: (...time: HourAndMinute) => string;
  readonly between: (from: HourAndMinute, to: HourAndMinute) => string;
}

const two = (value: number): string => value.toString().padStart(2, '0');
const colon = (hour: number, minute: number): string => `${two(hour)}:${two(minute)}`;
const listed = (names: string): readonly string[] => names.split(' ');
const dayFirst = (day: number, month: number): string => `${two(day)}/${two(month)}`;

/** "15h", "15h30". */
const hours = (hour: number, minute: number): string => `${hour}h${minute === 0 ? '' : two(minute)}`;
const asHours = (hour: number, minute: number): string => `${hour < 2 ? 'à' : 'às'} ${hours(hour, minute)}`;
const dasHours = (hour: number, minute: number): string => `${hour < 2 ? 'da' : 'das'} ${hours(hour, minute)}`;

const ptBr: WhenSpeech = {
  weekdays: listed('segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo'),
  weekdaysShort: listed('seg ter qua qui sex sáb dom'),
  months: listed('janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro'),
  parts: { '0-6': 'de madrugada', '6-12': 'de manhã', '12-18': 'à tarde', '18-24': 'à noite' },
  hourMark: 'h',
  allDay: 'o dia todo',
  day: (weekday, day, month, year) => `${weekday}, ${day === 1 ? '1º' : day} de ${month} de ${year}`,
  shortDay: dayFirst,
  days: (first, last) => `de ${first} a ${last}`,
  weekOf: (days) => `semana ${days}`,
  month: (month, year) => `${month} de ${year}`,
  dayAnd: (day, time) => `${day}, ${time}`,
  at: asHours,
  from: (...time) => `a partir ${dasHours(...time)}`,
  until: (hour, minute) => `até ${hour < 2 ? 'a' : 'as'} ${hours(hour, minute)}`,
  between: (from, to) => `${dasHours(...from)} ${asHours(...to)}`,
};

const en: WhenSpeech = {
  weekdays: listed('Monday Tuesday Wednesday Thursday Friday Saturday Sunday'),
  weekdaysShort: listed('Mon Tue Wed Thu Fri Sat Sun'),
  months: listed('January February March April May June July August September October November December'),
  parts: { '6-12': 'in the morning', '12-18': 'in the afternoon', '18-24': 'in the evening' },
  hourMark: ':',
  allDay: 'all day',
  day: (weekday, day, month, year) => `${weekday}, ${day} ${month} ${year}`,
  // "13/03" is one day in London and none in New York.
  shortDay: (day, month) => `${day} ${(en.months[month - 1] ?? '').slice(0, 3)}`,
  days: (first, last) => `${first} to ${last}`,
  weekOf: (days) => `the week of ${days}`,
  month: (month, year) => `${month} ${year}`,
  dayAnd: (day, time) => `${day}, ${time}`,
  at: (...time) => `at ${colon(...time)}`,
  from: (...time) => `from ${colon(...time)}`,
  until: (...time) => `until ${colon(...time)}`,
  between: (from, to) => `from ${colon(...from)} to ${colon(...to)}`,
};

const las = (hour: number, minute: number): string => `${hour === 1 ? 'la' : 'las'} ${colon(hour, minute)}`;

const es: WhenSpeech = {
  weekdays: listed('lunes martes miércoles jueves viernes sábado domingo'),
  weekdaysShort: listed('lun mar mié jue vie sáb dom'),
  months: listed('enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre'),
  parts: { '0-6': 'de madrugada', '6-12': 'por la mañana', '12-20': 'por la tarde', '20-24': 'por la noche' },
  hourMark: ':',
  allDay: 'todo el día',
  day: (weekday, day, month, year) => `${weekday}, ${day} de ${month} de ${year}`,
  shortDay: dayFirst,
  days: (first, last) => `del ${first} al ${last}`,
  weekOf: (days) => `semana ${days}`,
  month: (month, year) => `${month} de ${year}`,
  dayAnd: (day, time) => `${day}, ${time}`,
  at: (...time) => `a ${las(...time)}`,
  from: (...time) => `a partir de ${las(...time)}`,
  until: (...time) => `hasta ${las(...time)}`,
  between: (from, to) => `de ${las(...from)} a ${las(...to)}`,
};

const byBase: ReadonlyMap<string, WhenSpeech> = new Map([
  ['pt', ptBr],
  ['en', en],
  ['es', es],
]);

/** The speech of a BCP 47 tag: by its first part, else Portuguese. */
export const whenSpeechOf = (locale: string): WhenSpeech => byBase.get(locale.slice(0, 2).toLowerCase()) ?? ptBr;
