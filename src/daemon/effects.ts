import type { IpAddress } from '#bytes/ip'
import type { DataPlane } from '#dataplane/port'
import type { Answer, Effect, Question } from '#ike/effects'
import type { Event } from '#ike/events'

export type EffectTargets = {
  readonly dataPlane: DataPlane
  readonly ask: (question: Question) => Promise<Answer>
  readonly answer: (to: number, answer: Answer) => void
  readonly tell: (event: Event) => void
  readonly assignAddresses: (tunnel: string, addresses: readonly IpAddress[]) => void
  /** Called before an SA goes, while its counters can still be read. */
  readonly beforeRemoval: (sa: Extract<Effect, { kind: 'remove-sa' }>) => void
}

/** Carries out one effect of the engine; `wake-at` belongs to the loop. */
export function executeEffect(effect: Effect, targets: EffectTargets): void {
  const { dataPlane } = targets
  switch (effect.kind) {
    case 'send':
      dataPlane.sendIke(
        effect.octets,
        effect.local,
        effect.remote,
        effect.whole === true ? 'whole' : 'as it fits',
      )
      return
    case 'nat-keepalive':
      dataPlane.sendNatKeepalive(effect.local, effect.remote)
      return
    case 'ike-spis':
      dataPlane.trustIkeSpis(effect.come, effect.gone)
      return
    case 'probe-path':
      dataPlane.probePath(effect.tunnel, effect.id, effect.octets)
      return
    case 'limit-path':
      dataPlane.limitPath(effect.tunnel, effect.octets)
      return
    case 'install-sa':
      dataPlane.installSa(effect.sa)
      return
    case 'remove-sa':
      targets.beforeRemoval(effect)
      dataPlane.removeSa(effect)
      return
    case 'move-sas':
      dataPlane.moveSas(effect.tunnel, effect.local, effect.remote)
      return
    case 'assign-addresses':
      targets.assignAddresses(effect.tunnel, effect.assigned.addresses)
      return
    case 'ask':
      // The pool answers always, `refused` at worst.
      void targets.ask(effect.question).then((answer) => targets.answer(effect.id, answer))
      return
    case 'tell':
      targets.tell(effect.event)
      return
    // Whoever wants these has taken them already: `keepKeys`.
    case 'ike-keys':
    case 'wake-at':
      return
  }
}
