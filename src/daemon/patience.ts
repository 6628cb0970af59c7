/** Waits for `work`, but no longer than so many milliseconds; it goes on all the same. @throws what it throws in time */
export async function inTime(
  work: Promise<unknown>,
  milliseconds: number,
): Promise<'done' | 'late'> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), milliseconds)
  })
  try {
    return await Promise.race([work.then(() => 'done' as const), late])
  } finally {
    clearTimeout(timer)
  }
}
