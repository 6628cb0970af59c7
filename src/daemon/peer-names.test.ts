import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { ip } from '#bytes/ip'
import type { Config, TunnelConfig } from '#config/config'
import type { Event, IkeSaFacts, TunnelSnapshot } from '#ike/events'
import { sampleConfig, sampleTunnel } from '../../test/support/sample-config.ts'
import { PeerNames } from './peer-names.ts'

const [FIRST, SECOND, THIRD] = ['198.51.100.7', '198.51.100.9', '198.51.100.11'].map(ip)
const paris = named('paris', 'vpn.paris.example')
const rome = sampleTunnel('rome', { peer: ip('192.0.2.1') })

/** `answers` is what names lead to; one without any is not found. `states` are those of tunnels, `down` unless said. */
function rig(context: TestContext) {
  context.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] })
  const answers: Record<string, readonly string[]> = {}
  const states: Record<string, TunnelSnapshot['state']> = {}
  const established: Record<string, readonly IkeSaFacts[]> = {}
  const running: { config: Config } = { config: sampleConfig() }
  const renewed: string[][] = []
  const refused: { isAll: boolean; at: number[] } = { isAll: false, at: [] }
  const asked: string[] = []
  const told: Event[] = []
  const notes: string[] = []
  const snapshot = (): readonly TunnelSnapshot[] =>
    running.config.tunnels.map(({ name }) => ({
      tunnel: name,
      state: states[name] ?? 'down',
      since: 0,
      ikeSas: established[name] ?? [],
      childSas: [],
      pairs: [{ state: 'connecting' }],
      failures: 0,
      rekeys: 0,
    }))
  const names: PeerNames = new PeerNames({
    clock: { now: () => Date.now(), wall: (instant) => new Date(instant) },
    lookUp: async (name) => {
      asked.push(name)
      const found = answers[name] ?? []
      if (found.length > 0) return found.map(ip)
      throw Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' })
    },
    engine: { snapshot },
    log: { note: (_level, text) => notes.push(text) },
    config: () => running.config,
    renew: async (addressed) => {
      const [from, to] = [running.config, addressed(running.config)]
      if (to === from) return true
      if (refused.isAll) {
        refused.at.push(Date.now() / 1_000)
        return false
      }
      running.config = to
      names.follow(from, to)
      renewed.push(to.tunnels.map(({ peer }) => peer))
      return true
    },
    tell: (event) => told.push(event),
  })
  const load = async (config: Config) => {
    const [from, to] = [running.config, await names.resolved(config)]
    running.config = to
    names.follow(from, to)
  }
  const pass = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      context.mock.timers.tick(1_000)
      // Lets what was looked up come to its end.
      for (let turn = 0; turn < 10; turn++) await Promise.resolve()
    }
  }
  const peers = () => running.config.tunnels.map(({ peer }) => peer)
  return {
    names,
    answers,
    states,
    established,
    renewed,
    refused,
    asked,
    told,
    notes,
    load,
    pass,
    peers,
    snapshot,
  }
}

test('at the start a name is looked up, and the first address of our IP version is taken', async (context) => {
  const { answers, notes, load, peers } = rig(context)
  answers['vpn.paris.example'] = ['2001:db8::7', FIRST!, SECOND!]
  await load(sampleConfig(paris, rome))
  assert.deepEqual(peers(), [FIRST, rome.peer])
  assert.deepEqual(notes, ['paris: vpn.paris.example leads to 198.51.100.7'])
})

test('a name that leads nowhere keeps its tunnel down, with a diagnosis, and nothing else', async (context) => {
  const { names, told, load, peers, snapshot } = rig(context)
  await load(sampleConfig(paris, rome))
  names.start()
  assert.deepEqual(peers(), ['unresolved', rome.peer])
  const [event] = told
  assert.ok(event?.kind === 'negotiation-failed')
  assert.deepEqual(
    [event.tunnel, event.failure.code, event.failure.key],
    ['paris', 'CW-109', 'peer'],
  )
  assert.match(
    event.failure.summary,
    /^vpn\.paris\.example, the peer of paris, leads to no address: there is no such name/,
  )
  const [down, other] = names.over(snapshot())
  assert.equal(down?.lastFailure?.code, 'CW-109')
  assert.deepEqual([down?.pairs[0]?.state, down?.retryAt], ['failed', 5_000])
  assert.equal(other?.lastFailure, undefined)
  names.stop()
})

test('it is looked up again until it leads somewhere; that it does not is told once', async (context) => {
  const { names, answers, told, asked, renewed, load, pass } = rig(context)
  await load(sampleConfig(paris, rome))
  names.start()
  await pass(14)
  assert.equal(asked.length, 2)
  assert.equal(told.length, 1)
  answers['vpn.paris.example'] = [FIRST!]
  await pass(60)
  assert.deepEqual(renewed, [[FIRST!, rome.peer]])
  names.stop()
})

test('a name that has no address of our IP version, or ours, or that of no host, is told as that', async (context) => {
  const { names, answers, told, load } = rig(context)
  answers['vpn.paris.example'] = ['2001:db8::7']
  answers['vpn.oslo.example'] = [paris.local]
  answers['vpn.bern.example'] = ['2001:db8::7', '224.0.0.1']
  const oslo = named('oslo', 'vpn.oslo.example')
  await load(sampleConfig(paris, oslo, named('bern', 'vpn.bern.example')))
  names.start()
  names.stop()
  assert.deepEqual(
    told.map((event) => event.kind === 'negotiation-failed' && event.failure.summary),
    [
      'vpn.paris.example, the peer of paris, has no IPv4 address, and ours for it is 203.0.113.10',
      'vpn.oslo.example, the peer of oslo, leads to 203.0.113.10, which is our own address',
      'vpn.bern.example, the peer of bern, leads to 224.0.0.1, which is a multicast address',
    ],
  )
})

test('a name that leads to the peer of another tunnel is told as that, and no tunnel is mistaken for it', async (context) => {
  const { names, answers, told, load, pass, peers } = rig(context)
  answers['vpn.paris.example'] = ['192.0.2.1']
  await load(sampleConfig(paris, rome))
  names.start()
  await pass(60)
  assert.deepEqual([peers(), told.length], [['unresolved', rome.peer], 1])
  const [event] = told
  assert.match(
    event?.kind === 'negotiation-failed' ? event.failure.summary : '',
    /^vpn\.paris\.example, the peer of paris, leads to 192\.0\.2\.1, which is the peer of rome: /,
  )
  answers['vpn.paris.example'] = [FIRST!]
  await pass(60)
  assert.deepEqual(peers(), [FIRST, rome.peer])
  names.stop()
})

test('a tunnel that is not up moves to where the name leads now', async (context) => {
  const { names, answers, renewed, notes, load, pass } = rig(context)
  answers['vpn.paris.example'] = [FIRST!]
  await load(sampleConfig(paris, rome))
  names.start()
  answers['vpn.paris.example'] = [SECOND!]
  await pass(8)
  assert.deepEqual(renewed, [[SECOND!, rome.peer]])
  assert.equal(
    notes.at(-1),
    'paris: vpn.paris.example leads to 198.51.100.9, no longer to 198.51.100.7',
  )
  names.stop()
})

test('a change of address that cannot be made is tried again more and more seldom, and by up at once', async (context) => {
  const { names, answers, refused, load, pass, peers } = rig(context)
  answers['vpn.paris.example'] = [FIRST!]
  await load(sampleConfig(paris))
  names.start()
  refused.isAll = true
  answers['vpn.paris.example'] = [SECOND!]
  await pass(300)
  const pauses = refused.at.slice(1).map((at, i) => at - refused.at[i]!)
  assert.deepEqual(pauses, [2, 4, 8, 16, 32, 60, 60, 60])
  refused.isAll = false
  await names.askAnew(['paris'])
  assert.deepEqual(peers(), [SECOND])
  refused.isAll = true
  answers['vpn.paris.example'] = [THIRD!]
  refused.at.length = 0
  await pass(60)
  assert.equal(refused.at[1]! - refused.at[0]!, 2)
  names.stop()
})

test('it stays where it is while that is among the answers, in whatever order, and when there are none', async (context) => {
  const { names, answers, renewed, load, pass, peers } = rig(context)
  answers['vpn.paris.example'] = [SECOND!, FIRST!]
  await load(sampleConfig(paris))
  names.start()
  answers['vpn.paris.example'] = [THIRD!, FIRST!, SECOND!]
  await pass(90)
  answers['vpn.paris.example'] = []
  await pass(90)
  assert.deepEqual([renewed, peers()], [[], [SECOND]])
  names.stop()
})

test('a tunnel that is up keeps its address, at a reload too, and costs no lookup', async (context) => {
  const { names, answers, states, asked, renewed, load, pass, peers } = rig(context)
  answers['vpn.paris.example'] = [FIRST!]
  await load(sampleConfig(paris))
  names.start()
  states.paris = 'up'
  answers['vpn.paris.example'] = [SECOND!]
  await pass(120)
  await load(sampleConfig(paris))
  assert.deepEqual([renewed, peers(), asked.length], [[], [FIRST], 1])
  states.paris = 'down'
  await pass(2)
  assert.deepEqual(peers(), [SECOND])
  names.stop()
})

test('so does one whose phase 1 stands', async (context) => {
  const { names, answers, states, established, load, pass, peers } = rig(context)
  answers['vpn.paris.example'] = [FIRST!]
  await load(sampleConfig(paris))
  names.start()
  states.paris = 'connecting'
  established.paris = [{} as IkeSaFacts]
  answers['vpn.paris.example'] = [SECOND!]
  await pass(120)
  assert.deepEqual(peers(), [FIRST])
  names.stop()
})

test('one that the operator has closed stays as it is until it is wanted up', async (context) => {
  const { names, answers, states, asked, load, pass, peers } = rig(context)
  answers['vpn.paris.example'] = [FIRST!]
  await load(sampleConfig(paris))
  names.start()
  states.paris = 'stopped'
  answers['vpn.paris.example'] = [SECOND!]
  await pass(120)
  await load(sampleConfig(paris))
  assert.deepEqual([peers(), asked.length], [[FIRST], 1])
  await names.askAnew(['paris'])
  assert.deepEqual(peers(), [SECOND])
  names.stop()
})

test('up on a name that leads nowhere tells so again', async (context) => {
  const { names, told, load } = rig(context)
  await load(sampleConfig(paris))
  names.start()
  await names.askAnew(['paris'])
  assert.equal(told.length, 2)
  await names.askAnew(['rome'])
  assert.equal(told.length, 2)
  names.stop()
})

test('a tunnel that gets another name is looked up, and stays where that leads there, too', async (context) => {
  const { answers, states, load, peers } = rig(context)
  answers['vpn.paris.example'] = [FIRST!]
  await load(sampleConfig(paris))
  states.paris = 'up'
  answers['gw.paris.example'] = [SECOND!, FIRST!]
  await load(sampleConfig(named('paris', 'gw.paris.example')))
  assert.deepEqual(peers(), [FIRST])
  answers['moved.paris.example'] = [SECOND!]
  await load(sampleConfig(named('paris', 'moved.paris.example')))
  assert.deepEqual(peers(), [SECOND])
})

test('an address that is found but not put in yet is no failure', async (context) => {
  const { names, answers, told, load } = rig(context)
  await load(sampleConfig(paris))
  answers['vpn.paris.example'] = [FIRST!]
  await names.resolved(sampleConfig(paris))
  names.start()
  names.stop()
  assert.deepEqual(told, [])
})

test('without names nothing is looked at', async (context) => {
  const { names, asked, load, pass } = rig(context)
  await load(sampleConfig(rome))
  names.start()
  await pass(10)
  assert.deepEqual(asked, [])
  names.stop()
})

function named(name: string, host: string): TunnelConfig {
  return sampleTunnel(name, {
    peer: 'unresolved',
    peerName: { name: host, isIdentity: true, isNetwork: false },
  })
}
