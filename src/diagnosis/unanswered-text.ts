import type { UnansweredMessage } from '#ike/events'

/** As far as it is put into words. */
export type Unanswered = Pick<
  UnansweredMessage,
  'exchange' | 'message' | 'sent' | 'waited' | 'remaining'
>

/** `no answer yet to message 5 of Main mode, sent 3 times in 3 s (messages 1 to 4 passed); still trying, until 31 s have passed`. */
export function unansweredText({ exchange, message, sent, waited, remaining }: Unanswered): string {
  const [seconds, all] = [waited, waited + remaining].map((one) => Math.round(one / 1_000))
  const what = `message ${message} of ${MODES[exchange]}`
  return `no answer yet to ${what}, sent ${sent} times in ${seconds} s (${beforeText(exchange, message)}); still trying, until ${all} s have passed`
}

/** What the peer has answered. */
function beforeText(exchange: Unanswered['exchange'], message: number): string {
  if (exchange === 'quick') return 'phase 1 is up'
  if (message === 1) return 'nothing has come back'
  return `messages 1 ${message === 3 ? 'and' : 'to'} ${message - 1} passed`
}

const MODES: Readonly<Record<Unanswered['exchange'], string>> = {
  main: 'Main mode',
  aggressive: 'Aggressive mode',
  quick: 'Quick mode',
}
