import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { describe, it } from 'node:test'
import { ip } from '#bytes/ip'
import { listAddresses } from './addresses.ts'
import { EINVAL, ENETDOWN, ENODEV, SystemError } from './errno.ts'
import { linkByIndex, linkByName, listLinks } from './links.ts'
import { type Netlink, withNetlink } from './netlink.ts'
import { listRoutes, replaceRoute, routeTo } from './routes.ts'
import { listRules } from './rules.ts'

/** What anyone may ask of the kernel, without privileges. */
describe('netlink', () => {
  it('lists the links that /proc/net/dev shows', () => {
    const names = readFileSync('/proc/net/dev', 'utf8')
      .split('\n')
      .flatMap((line) => /^\s*(\S+):/.exec(line)?.[1] ?? [])
    const links = withNetlink(listLinks)
    assert.deepEqual(links.map(({ name }) => name).sort(), names.sort())
  })

  it('finds a link by name and by index, and says undefined for none', () => {
    withNetlink((netlink) => {
      const loopback = linkByName(netlink, 'lo')
      assert.ok(loopback)
      assert.deepEqual(linkByIndex(netlink, loopback.index), loopback)
      assert.equal(linkByName(netlink, 'cwp-none'), undefined)
      assert.equal(linkByIndex(netlink, 0x7fff_ffff), undefined)
    })
  })

  it('lists the addresses that Node sees', () => {
    const found = new Set(withNetlink(listAddresses).map(({ address }) => String(address)))
    for (const each of Object.values(networkInterfaces()).flatMap((list) => list ?? [])) {
      assert.ok(found.has(String(ip(each.address))), each.address)
    }
  })

  it('lists the rules the kernel begins with, and no routes of a table nobody made', () => {
    withNetlink((netlink) => {
      const local = listRules(netlink, 4).find(({ priority }) => priority === 0)
      assert.equal(local?.table, 255)
      assert.deepEqual(listRoutes(netlink, 4, 0x7eee_eeee), [])
      assert.deepEqual(listRoutes(netlink, 6, 0x7eee_eeee), [])
    })
  })

  it('finds the way to this host itself', () => {
    withNetlink((netlink) => {
      const path = routeTo(netlink, ip('127.0.0.1'))
      assert.equal(path?.source, '127.0.0.1')
      assert.equal(path?.link, linkByName(netlink, 'lo')?.index)
    })
  })

  it('says what was refused, in the kernel’s words where it has some', () => {
    withNetlink((netlink) => {
      const impossible = {
        destination: ip('192.0.2.1'),
        prefixLength: 24,
        table: 0x7eee_eeee,
        type: 'blackhole',
        protocol: 77,
      } as const
      // Host bits behind the prefix; without CAP_NET_ADMIN the kernel does not even look.
      assert.throws(
        () => replaceRoute(netlink, impossible),
        /^E\w+: add route blackhole 192\.0\.2\.1\/24 in table \d+: .*\(E(INVAL|PERM)\)$/,
      )
      assert.ok(listLinks(netlink).length > 0, 'the conversation goes on')
    })
  })

  it('lays no route into a device that has just gone, and takes that for no error', () => {
    const refusing = (errno: number): Pick<Netlink, 'request'> => ({
      request(_message, call) {
        throw new SystemError(call, call === 'add route' ? errno : ENODEV)
      },
    })
    const route = {
      destination: ip('192.0.2.0'),
      prefixLength: 24,
      table: 0x7eee_eeee,
      type: 'unicast',
      protocol: 77,
    } as const
    replaceRoute(refusing(ENODEV), { ...route, link: 77 })
    assert.throws(() => replaceRoute(refusing(ENODEV), route), /ENODEV/)
    assert.throws(() => replaceRoute(refusing(EINVAL), { ...route, link: 77 }), /EINVAL/)
    withNetlink((netlink) => {
      const standing = {
        request(...[message, call, subject]: Parameters<Netlink['request']>) {
          if (call === 'add route') throw new SystemError(call, ENETDOWN)
          return netlink.request(message, call, subject)
        },
      }
      const link = linkByName(netlink, 'lo')?.index ?? 0
      assert.throws(() => replaceRoute(standing, { ...route, link }), /ENETDOWN/)
    })
  })
})
