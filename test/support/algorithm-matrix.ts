import { test } from 'node:test'
import {
  agreement,
  assertAlgorithms,
  assertPing,
  causewaySide,
  type Encounter,
  giveAddresses,
  type Link,
  meet,
  numberedLink,
  strongswanInitiates,
  strongswanSide,
} from './interop.ts'
import { eventually } from './process.ts'

/** Algorithms of one cell of a matrix. */
export type Cell = Pick<Link, 'phase1' | 'esp' | 'pfs'>

/**
 * Each cell is a tunnel of its own, between addresses and networks of its own, in one Causeway and one strongSwan. Every
 * tunnel is opened by Causeway, carries a ping, is closed, is opened by strongSwan and carries a ping again.
 */
export function testMatrix(title: string, cells: readonly Cell[]): void {
  const links = cells.map((cell, index) => numberedLink(index + 1, cell))
  test(title, async (t) => {
    const encounter = await meet(
      Object.fromEntries(links.map((link) => [link.name, causewaySide(link)])),
      links.map((link) => strongswanSide(link)),
      { prepare: (topology) => giveAddresses(topology, links.length) },
    )
    try {
      for (const [index, link] of links.entries()) {
        const name = `${link.phase1} / ${link.esp} / PFS ${link.pfs}`
        await t.test(`${name}: Causeway initiates`, () =>
          opens(encounter, link, index + 1, 'initiator'),
        )
        await t.test(`${name}: strongSwan initiates`, () =>
          opens(encounter, link, index + 1, 'responder'),
        )
      }
    } finally {
      await encounter.end()
    }
  })
}

async function opens(
  { topology, causeway, strongswan }: Encounter,
  link: Link,
  number: number,
  role: 'initiator' | 'responder',
): Promise<void> {
  if (role === 'initiator') await causeway.up(link.name)
  else await strongswanInitiates(link, causeway, strongswan)
  assertAlgorithms(link, await agreement(link, causeway, strongswan), role)
  await assertPing(topology.hostA, `10.2.${number}.2`, {
    count: 2,
    interval: 0.01,
    source: `10.1.${number}.2`,
  })
  await causeway.down(link.name)
  await eventually('strongSwan has been told', async () => {
    const sas = await strongswan.ikeSas()
    return !sas.some(({ name }) => name === link.name)
  })
}
