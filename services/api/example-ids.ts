/**
 * What the examples of the documents name. The test that makes the examples puts things of its own in
 * place of these, so that each must occur nowhere else.
 */
export const exampleIds = {
  conversation: 'c_01M7XY07TEGVRTR4BBJ222T4AY',
  person: 'p_01M7XY07TE2ZP3XYYY3D0NB65Y',
  instance: 'i_01M7XY06KQHZKMHBWJQRSXSC6R',
  line: 'l_01M7XY06KQ655TMJ38TFPC2DWD',
  message: 'm_01M7XY0B63MR9KCKN9ZJXMR83C',
  delivery: 'd_6XJVRAMSR52FDDHVRT5CY0936C',
  event: '01M7XY07TEQHBG2286AP62A3G9',
  key: 'k_01M7XY06KZ790WDNWHW0FFSGFR',
  revision: 'r_61B1YTGASHHVSHJ2TKEY0E81FN',
  wahaToken: 'example-waha-token-6euhMzw7tnbBN',
  simulatorToken: 'example-simulator-token-jlfiV7TE',
  replay: 'rp_01M7XY0MZ0JRB8T3V0Y9Q6W2EC',
  parkedPartition: 17,
  parkedOffset: 48_213,
} as const;

/** The person of the examples. */
export const examplePhone = '5511999990001';
