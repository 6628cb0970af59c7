import { closeSync, openSync, writeSync } from 'node:fs'
import type { IpAddress } from '#bytes/ip'
import { type CapturedMessage, ConversationReader } from '#capture/conversation'
import { ikeFrame } from '#capture/ike-frame'
import { type Traffic, TrafficReader } from '#capture/traffic'
import type { KeptDatagram } from '#control/schema'
import { LinkType } from '#wire/capture-file'
import { pcapngHeader, pcapngPacket } from '#wire/pcapng'

/** A pcapng file of one tunnel whose packets carry a comment each: what they are, and who sent them. */
export class TunnelCaptureFile {
  readonly #file: number
  readonly #tunnel: string
  readonly #local: IpAddress
  readonly #traffic = new TrafficReader()
  readonly #conversations = new ConversationReader()
  packets = 0
  readonly counts = { ike: 0, esp: 0, other: 0 }

  /** @param device what is listened to; also names the packets' interface. @throws Error when the file cannot be written */
  constructor(path: string, tunnel: string, local: IpAddress, device: string) {
    this.#tunnel = tunnel
    this.#local = local
    this.#file = openSync(path, 'w', 0o600)
    const interfaces = [
      { name: device, linkType: LinkType.raw },
      { name: 'kept by the gateway', linkType: LinkType.raw },
    ]
    writeSync(this.#file, pcapngHeader('causeway', interfaces))
  }

  /** A message from before, under its own time. */
  addKept({ at, direction, local, remote, octets }: KeptDatagram): void {
    const [from, to] = direction === 'sent' ? [local, remote] : [remote, local]
    this.#add(1, Date.parse(at), ikeFrame(from, to, octets), ' (kept by the gateway)')
  }

  add(at: number, packet: Uint8Array): void {
    this.#add(0, at, packet, '')
  }

  close(): void {
    closeSync(this.#file)
  }

  #add(device: number, at: number, octets: Uint8Array, remark: string): void {
    this.packets++
    const frame = {
      number: this.packets,
      at,
      linkType: LinkType.raw,
      octets,
      originalOctets: octets.length,
    }
    const text = this.#describe(this.#traffic.take(frame))
    const comment = text === undefined ? {} : { comment: `${this.#tunnel}: ${text}${remark}` }
    writeSync(this.#file, pcapngPacket({ interface: device, at, octets, ...comment }))
  }

  #describe(traffic: Traffic | undefined): string | undefined {
    if (traffic?.kind === 'ike') this.counts.ike++
    else if (traffic?.kind === 'esp') this.counts.esp++
    else this.counts.other++
    switch (traffic?.kind) {
      case undefined:
        return undefined
      case 'ike': {
        const message = this.#conversations.take(traffic)
        const who = this.#who(traffic.source.address)
        return `${who}, ${message === undefined ? 'a part of an IKE message' : messageText(message)}`
      }
      case 'esp': {
        const spi = traffic.spi.toString(16).padStart(8, '0')
        return `${this.#who(traffic.source)}, ESP ${spi} number ${traffic.sequence}`
      }
      case 'keepalive':
        return `${this.#who(traffic.source)}, NAT keepalive`
      case 'icmp':
        return `ICMP error from ${traffic.from} about UDP ${traffic.port}`
    }
  }

  #who(source: IpAddress): string {
    return source === this.#local ? 'we send' : 'peer sends'
  }
}

function messageText({ content, repeat }: CapturedMessage): string {
  const again = repeat === 0 ? '' : ', again'
  if (content.version === 1) {
    const number = content.exchange === 'informational' ? '' : ` message ${content.number}`
    return `${EXCHANGES[content.exchange]}${number}${again}`
  }
  if (content.version === 2)
    return `${content.exchange} ${content.request ? 'request' : 'response'}${again}`
  return content.problem
}

const EXCHANGES = {
  main: 'Main mode',
  aggressive: 'Aggressive mode',
  quick: 'Quick mode',
  informational: 'Informational',
  transaction: 'Transaction exchange',
} as const
