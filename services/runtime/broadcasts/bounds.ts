/** Most recipients of a broadcast. */
export const recipientsMax = 100_000;
