/** The word that was probably meant. */

/** A name is worth suggesting when at most this many of three letters are wrong. */
const lettersPerError = 3;

/** The nearest of `known`, or undefined when none is near. */
export function nearest(typed: string, known: readonly string[]): string | undefined {
  const tolerated = Math.max(1, Math.floor(typed.length / lettersPerError));
  const ranked = known
    .map((name) => [name, name.startsWith(typed) && typed.length > 1 ? 1 : distance(typed, name)] as const)
    .filter(([, wrong]) => wrong <= tolerated)
    .toSorted(([, one], [, other]) => one - other);
  return ranked[0]?.[0];
}

/** Letters to insert, remove, replace or swap with their neighbour (optimal string alignment). */
function distance(one: string, other: string): number {
  let [before, previous] = [[] as number[], Array.from({ length: other.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      const same = one[i - 1] === other[j - 1] ? 0 : 1;
      const steps = [(previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + same];
      const swapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      if (swapped) steps.push((before[j - 2] ?? 0) + 1);
      row.push(Math.min(...steps));
    }
    [before, previous] = [previous, row];
  }
  return previous[other.length] ?? 0;
}
