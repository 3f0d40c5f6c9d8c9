/**
 * What the examples of the documents name. The test that makes the examples puts things of its own in
 * place of these, so that each must occur nowhere else.
 */
export const exampleIds = {
  conversation: 'c_01M7XY07TEGVRTR4BBJ222T4AY',
  twin: 'c_01M7XY0C5HWZ8Y3J4T6Q2R9KVB',
  person: 'p_01M7XY07TE2ZP3XYYY3D0NB65Y',
  instance: 'i_01M7XY06KQHZKMHBWJQRSXSC6R',
  line: 'l_01M7XY06KQ655TMJ38TFPC2DWD',
  message: 'm_01M7XY0B63MR9KCKN9ZJXMR83C',
  scheduledMessage: 'm_01M7XY0D2M7Q5B8C3V6N9X4Z1K',
  failedMessage: 'm_01M7XY0E8P3R6T9W2Y5A8C1F4H',
  batch: 'mb_7Z2C5F8J1M4Q7T0W3Z6C9F2J5M',
  broadcast: 'b_01M7XY0J7E2M6Q9T3W7Z1C5G8K',
  draftBroadcast: 'b_01M7XY0J8F4N8S1V5Y9B3E7H0M',
  stoppedBroadcast: 'b_01M7XY0J9G6P0T3X7A1D5G9K2N',
  file: 'f_01M7XY0F4D8K2N6Q9S3V7X1Z5B',
  appointment: 'ap_01M7XY0K3A5D8G1J4N7Q0T3W6Z',
  cancelledAppointment: 'ap_01M7XY0K4B6E9H2K5P8R1V4X7A',
  participant: 'pa_01M7XY0K5C7F0J3M6Q9S2W5Y8B',
  webhook: 'w_01M7XY0G5C9J3M7R1T4W8Y2A6D',
  endedWebhook: 'w_01M7XY0H6B1K5P8S3V7X2Z4C9F',
  webhookDelivery: 'wd_4T7W0Z3C6F9J2M5Q8S1V4Y7B0E',
  delivery: 'd_6XJVRAMSR52FDDHVRT5CY0936C',
  event: '01M7XY07TEQHBG2286AP62A3G9',
  key: 'k_01M7XY06KZ790WDNWHW0FFSGFR',
  revision: 'r_61B1YTGASHHVSHJ2TKEY0E81FN',
  wahaToken: 'example-waha-token-6euhMzw7tnbBN',
  evolutionToken: 'example-evolution-token-Jx3Tq8NcYb',
  baileysToken: 'example-baileys-token-Vn4Hs7QpLw2K',
  cloudToken: 'example-cloud-token-h7Wq2ZkPbV0s',
  cloudVerifyToken: 'example-verify-token-4tYd9LmXcR1u',
  cloudInstance: 'i_01M7XY06KQ9V2C5N8T4W6R3E1D',
  scannedInstance: 'i_01M7XY06KQ3H8P5R2V7Z9B4D6F',
  simulatorToken: 'example-simulator-token-jlfiV7TE',
  replay: 'rp_01M7XY0MZ0JRB8T3V0Y9Q6W2EC',
  parkedPartition: 17,
  parkedOffset: 48_213,
} as const;

/** The person of the examples. */
export const examplePhone = '5511999990001';
