/** Runs the load process, phase by phase. */
import type { Scope } from './stage.ts';
import { type Environment, startProcess } from './processes.ts';
import type { LoadPlan, PhaseReport } from './webhook-plan.ts';

/** A load under way. */
export interface Load {
  readonly pid: number;
  /** Runs the next phase. Throws when webhooks of it were not accepted, unless some may be refused. */
  nextPhase(options?: { readonly mayRefuse?: boolean }): Promise<PhaseReport>;
}

/** Starts a load; it ends with the scope at the latest. */
export async function startLoad(scope: Scope, environment: Environment, plan: LoadPlan): Promise<Load> {
  const load = await startProcess('bench/adapters/webhook-load.ts', { environment, input: plan });
  scope.defer(() => load.stop());
  return {
    pid: load.pid,
    async nextPhase({ mayRefuse = false } = {}) {
      load.tell({ event: 'go' });
      const { done, value } = await load.lines.next();
      if (done === true) throw new Error('the load process ended early');
      const report = value as PhaseReport;
      if (report.accepted !== report.sent && !mayRefuse) {
        throw new Error(
          `${report.name}: ${report.sent - report.accepted} of ${report.sent} webhooks were not accepted: ${JSON.stringify(report.refused)}`,
        );
      }
      return report;
    },
  };
}
