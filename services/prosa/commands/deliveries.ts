/** `prosa deliveries`: what is being sent, what did not go out, and what is done about it. */
import { deliveryStatuses } from '../../api/delivery-status.ts';
import type { Delivery, DeliveryInDetail } from '../../api/routes/deliveries.ts';
import type { CauseItem } from '../../api/routes/manual-queue.ts';
import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { listOptions, shortTime, showPage } from '../lists.ts';
import { oneOf, text, word } from '../options.ts';
import { type Output, factLines, tableLines } from '../output.ts';

const exampleDelivery = 'd_6XJVRAMSR52FDDHVRT5CY0936C';

export const deliveries = defineCommand({
  name: 'deliveries',
  summary: 'List deliveries, newest change first',
  options: {
    status: oneOf(deliveryStatuses, 'Only those with this status'),
    conversation: text('id', 'Only those of this conversation'),
    instance: text('id', 'Only those through this instance'),
    ...listOptions,
  },
  examples: [
    ['deliveries --status failed', 'what could not be sent, and why'],
    ['deliveries --status queued', 'what waits, why, and until when'],
    ['deliveries --conversation c_01M7XY07TEGVRTR4BBJ222T4AY', 'all of one conversation'],
  ],
  async run({ options: { status, conversation, instance, limit, cursor } }, { api, out }) {
    const page = await api().list<Delivery>('/v1/deliveries', { status, conversation, instance }, limit, cursor);
    return showPage(out, page, {
      ID: (one) => one.id,
      STATUS: (one) => one.status,
      REASON: (one) => one.reason,
      CAUSE: (one) => one.cause,
      ATTEMPTS: (one) => one.attempts,
      KIND: (one) => one.kind,
      PROVIDER: (one) => one.provider,
      CONVERSATION: (one) => one.conversationId,
      UPDATED: (one) => shortTime(one.updatedAt),
      NEXT: (one) => shortTime(one.nextAttemptAt),
    });
  },
});

export const deliveriesShow = defineCommand({
  name: 'deliveries show',
  summary: 'Show a delivery with every attempt and its way down the ladder of fallbacks',
  arguments: { id: word('Id of the delivery (d_…), or of its message') },
  examples: [[`deliveries show ${exampleDelivery}`, 'why it did not go out yet']],
  async run({ args }, { api, out }) {
    const one = await api().get<DeliveryInDetail>(`/v1/deliveries/${encodeURIComponent(args.id)}`);
    out.result(one, () => detailLines(out, one));
    return exitCodes.ok;
  },
});

const detailLines = (out: Output, one: DeliveryInDetail): readonly string[] => [
  ...factLines(out, [
    ['delivery', one.id],
    ['message', one.messageId],
    ['conversation', one.conversationId],
    ['instance', one.instanceId],
    ['kind', one.kind],
    ['priority', one.priority],
    ['status', one.status],
    ['reason', one.reason],
    ['cause', one.cause],
    ['next attempt', shortTime(one.nextAttemptAt)],
    ['created', shortTime(one.createdAt)],
    ['updated', shortTime(one.updatedAt)],
  ]),
  ...titled(
    tableLines(
      out,
      ['ATTEMPT', 'AT', 'INSTANCE', 'PROVIDER', 'OUTCOME', 'CODE', 'HTTP', 'MS'],
      one.tries.map((each) => [
        each.number,
        shortTime(each.at),
        each.instanceId,
        each.provider,
        each.outcome,
        each.code,
        each.httpStatus,
        each.durationMs,
      ]),
    ),
  ),
  ...titled(
    tableLines(
      out,
      ['STEP', 'AT', 'TO', 'CAUSE', 'INSTANCE'],
      one.steps.map((each) => [each.number, shortTime(each.at), each.step, each.cause, each.instanceId]),
    ),
  ),
];

const titled = (lines: readonly string[]): readonly string[] => (lines.length === 0 ? [] : ['', ...lines]);

export const deliveriesCauses = defineCommand({
  name: 'deliveries causes',
  summary: 'Show what waits for a decision, by cause',
  options: {
    status: oneOf(['manual', 'unknown', 'failed'], 'Only those with this status'),
    instance: text('id', 'Only those through this instance'),
  },
  examples: [
    ['deliveries causes', 'what went every way and did not go out, and what may have arrived'],
    ['deliveries causes --status failed', 'what was refused for good'],
  ],
  async run({ options: { status, instance } }, { api, out }) {
    const found = await api().get<{ readonly items: readonly CauseItem[]; readonly total: number }>(
      '/v1/manual-queue',
      {
        status,
        instance,
      },
    );
    out.result(found, () =>
      tableLines(
        out,
        ['COUNT', 'STATUS', 'REASON', 'CAUSE', 'INSTANCE', 'OLDEST', 'NEWEST'],
        found.items.map((one) => [
          one.count,
          one.status,
          one.reason,
          one.cause,
          one.instanceId,
          shortTime(one.oldestAt),
          shortTime(one.newestAt),
        ]),
      ),
    );
    if (out.json) return exitCodes.ok;
    if (found.total === 0) out.note('Nothing waits for a decision.');
    else out.note('Decide: prosa deliveries retry --cause …, or prosa deliveries cancel --cause …');
    return exitCodes.ok;
  },
});
