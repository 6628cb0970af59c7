/** A line to type and what it does. */
export type Example = readonly [line: string, does: string]

/** For `--help` and the manual pages; a test holds them against the commands there are. */
export const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  run: [
    ['causeway run', 'a gateway with /etc/causeway/causeway.yaml, until Ctrl-C'],
    ['causeway run -c site.yaml --log json', 'its log as JSON, a line each, for a log shipper'],
  ],
  status: [
    ['causeway status', 'all tunnels at a glance'],
    ['causeway status paris', 'one in detail'],
    ['causeway status --quiet || mail -s "tunnel down" noc@example.net', 'for cron'],
  ],
  up: [
    ['causeway up paris', 'brings it up, showing the negotiation'],
    ["causeway up 'paris-*' --timeout 20", 'all that match, 20 seconds at most'],
  ],
  down: [['causeway down paris', 'closes it, telling the peer, and keeps it closed']],
  restart: [['causeway restart paris', 'closes it and brings it up again']],
  rekey: [
    ['causeway rekey paris --phase 1', 'a new phase 1 beside the old one, then in its place'],
  ],
  diff: [['causeway diff', 'what the file would change']],
  apply: [
    ['causeway apply', 'reads the file again; unchanged tunnels keep running'],
    ['causeway apply --confirm 120', 'takes it back after two minutes unless it is confirmed'],
  ],
  confirm: [['causeway confirm', 'keeps the configuration that is on trial']],
  undo: [['causeway undo', 'back to the configuration before']],
  check: [
    ['causeway check', 'reviews /etc/causeway/causeway.yaml and this host'],
    ['causeway check new.yaml --json', 'another file, for a program'],
  ],
  explain: [
    ['causeway explain paris', 'its last negotiation in words, and why it failed'],
    ['causeway explain tunnel.pcapng --payloads', 'a capture, message by message'],
    ['causeway explain CW-301', 'what the code means, how it shows elsewhere, what to do'],
    ["causeway explain 'no proposal found'", 'the failures by which another product prints that'],
    [
      'causeway explain paris --config',
      'what holds for each key, and which line, preset or default says so',
    ],
    ['causeway explain preset cisco-asa', 'what a preset sets, with the source of each value'],
  ],
  probe: [
    ['causeway probe 198.51.100.7', 'which versions, modes and proposals a peer accepts'],
    ['causeway probe 198.51.100.7 --json', 'the same for a program'],
  ],
  ping: [
    ['causeway ping paris 10.2.0.20', 'the way to that host and back, and to the gateway itself'],
  ],
  trace: [
    ['causeway trace 10.1.4.20 10.2.9.9 tcp/445', 'the way of such a packet, and what stops it'],
  ],
  rehearse: [
    ['causeway rehearse berlin.yaml paris.yaml', 'would the tunnel come up, and if not, why'],
    ['causeway rehearse berlin.yaml paris.yaml --loss 20% --nat a', 'on a bad network'],
    ['causeway rehearse berlin.yaml --peer cisco-asa', 'against what a maker documents'],
  ],
  capture: [
    ['causeway capture paris -w paris.pcapng', 'its packets until Ctrl-C'],
    ['causeway capture paris --last', 'the IKE messages that the gateway has kept'],
    ['causeway capture paris --seconds 30 --decrypt', 'DANGER: with the keys to read them'],
  ],
  log: [
    ['causeway log -f paris', 'what happened to paris, and what happens'],
    ['causeway log --since 1h --level warn', 'what went wrong in the last hour'],
  ],
  doctor: [
    ['causeway doctor', 'this host and every tunnel'],
    ['causeway doctor paris', 'one tunnel: the way to its peer, NAT rules, routes'],
  ],
  monitor: [['causeway monitor --json', 'every event as it happens, a JSON object a line']],
  import: [
    ['causeway import ipsec.conf', 'what it would be here, printed; the report beside it'],
    ['causeway import swanctl.conf --write /etc/causeway', 'written, keys in files of their own'],
  ],
  export: [
    ['causeway export paris --for cisco-ios', 'what the administrator in Paris has to type'],
    ['causeway export paris --for text', 'the parameters as a form, to agree on'],
  ],
  keygen: [['causeway keygen > paris.psk', 'a fresh pre-shared key in a file']],
  'pki ca': [['causeway pki ca "Example VPN CA"', 'a CA in the folder pki']],
  'pki sign': [
    [
      'causeway pki sign berlin.example.net --ip 203.0.113.10',
      'a key and a certificate for a gateway',
    ],
  ],
  'pki request': [
    ['causeway pki request paris.example.net', 'on a gateway: its key, which stays, and a request'],
  ],
  'pki revoke': [['causeway pki revoke paris.example.net', 'revokes it and writes the CRL']],
  'pki crl': [['causeway pki crl --days 7', 'a new CRL, good for a week']],
  'pki show': [['causeway pki show ca.pem', 'what a certificate, CRL or request says']],
  schema: [
    [
      'causeway schema > /etc/causeway/schema.json',
      'first line of the file then: # yaml-language-server: $schema=schema.json',
    ],
  ],
  completion: [
    ['source <(causeway completion bash)', 'completion in this shell'],
    [
      'causeway completion bash > /etc/bash_completion.d/causeway',
      'in every shell from the next one on',
    ],
  ],
  man: [['causeway man apply', 'the manual page of apply']],
}
