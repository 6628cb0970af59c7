/** What the shell gets. `docs/cli.md` and `--help` tell the same. */
export const EXIT = {
  ok: 0,
  /** A tunnel is down or failed; the diagnosis was printed. */
  down: 1,
  usage: 2,
  configuration: 3,
  /** No gateway is running, or its socket refused us. */
  unreachable: 4,
  permission: 5,
  timeout: 6,
  /** A bug of ours ended the program. */
  defect: 70,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export const EXIT_CODES_HELP: string = `
Exit codes:
  0  as asked
  1  a tunnel is down or failed; the diagnosis was printed
  2  wrong usage
  3  the configuration is invalid
  4  no gateway is running, or its control socket refused
  5  permission denied
  6  timed out
  70 a bug in Causeway; please report what was printed
`
