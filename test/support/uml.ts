import { spawn, spawnSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '#bytes/thrown'
import { undoAtExit } from './leftovers.ts'
import { eventually, type Outcome, run } from './process.ts'
import { SWANCTL_FOLDERS, SwanControl } from './strongswan.ts'
import { strongswanConf } from './swan-conf.ts'
import { ADDRESSES, type Namespace } from './topology.ts'

/**
 * User-mode Linux as gateway B: a Linux kernel with ESP of its own, as a process of this machine (Debian package
 * `user-mode-linux`). Its root file system is the machine's, read-only; it is reached over a tap device in the middle
 * namespace, has gateway B's outer addresses there, and gateway B's inner addresses on its loopback interface.
 */
export class UmlGuest {
  readonly #folder: string
  readonly #kill: () => void
  readonly #console: () => string
  #commands = 0

  private constructor(folder: string, kill: () => void, console: () => string) {
    this.#folder = folder
    this.#kill = kill
    this.#console = console
  }

  static async boot(middle: Namespace): Promise<UmlGuest> {
    const modules = umlModules()
    if (modules === undefined) throw new Error('user-mode-linux is not installed')
    await middle.ip(
      'tuntap add site-b mode tap',
      'addr add 198.51.100.1/24 dev site-b',
      'addr add fd00:b::1/64 dev site-b',
      'link set site-b up',
    )
    const folder = mkdtempSync(join(tmpdir(), 'cw-uml-'))
    mkdirSync(join(folder, 'shared'))
    const init = join(folder, 'init.sh')
    writeFileSync(init, initScript(modules, join(folder, 'shared')), { mode: 0o755 })
    const kernel = [
      'linux.uml',
      'mem=256M',
      'rootfstype=hostfs',
      'rootflags=/',
      'ro',
      'quiet',
      `init=${init}`,
    ]
    const devices = ['vec0:transport=tap,ifname=site-b,depth=64', 'con=null', 'con0=null,fd:1']
    const [file = '', ...args] = middle.argv([
      ...['sh', '-c', `ulimit -n 1024; exec "$@"`, 'sh'],
      ...kernel,
      // Its own files (memory, management console) go where they are removed with the rest.
      `uml_dir=${folder}/`,
      ...devices,
    ])
    // A session of its own: the kernel runs its processes as processes of ours, all ended together.
    const child = spawn(file, args, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: folder, LD_PRELOAD: registerCompleter(folder) },
    })
    let console = ''
    child.stdout.on('data', (chunk) => (console += chunk))
    child.stderr.on('data', (chunk) => (console += chunk))
    const kill = undoAtExit(() => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // All ended already.
      }
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    })
    const guest = new UmlGuest(folder, kill, () => console)
    try {
      await eventually(
        'the guest kernel starts',
        () => {
          if (child.exitCode !== null) throw new Error(`user-mode Linux ended:\n${console}`)
          return exists(join(folder, 'shared', 'ready'))
        },
        { patience: 60_000 },
      )
    } catch (error) {
      kill()
      throw new Error(`${messageOf(error)}\n${console}`)
    }
    return guest
  }

  /** Runs a shell script inside the guest. */
  async run(script: string, timeout = 30_000): Promise<Outcome> {
    this.#commands += 1
    const shared = join(this.#folder, 'shared')
    const base = join(shared, `${this.#commands}`)
    writeFileSync(`${base}.new`, script)
    renameSync(`${base}.new`, `${base}.sh`)
    const code = await eventually(
      `in the guest: ${script}`,
      () => (exists(`${base}.code`) ? readFileSync(`${base}.code`, 'utf8') : undefined),
      { patience: timeout, interval: 20 },
    )
    return {
      code: Number(code),
      stdout: readFileSync(`${base}.out`, 'utf8'),
      stderr: readFileSync(`${base}.err`, 'utf8'),
    }
  }

  /** Each echo has a `ping` of its own, because that gives the last of several no more than two round trips. @throws when one is not answered */
  async ping(
    destination: string,
    { count = 3, size = 56, source }: { count?: number; size?: number; source?: string } = {},
  ): Promise<void> {
    const from = source === undefined ? '' : `-I ${source}`
    const echo = `ping -n -c 1 -W 5 -s ${size} ${from} ${destination}`
    const { code, stdout } = await this.run(Array(count).fill(echo).join(' && '))
    if (code !== 0) throw new Error(`an echo from the guest has no answer:\n${stdout}`)
  }

  /** A charon in the guest with kernel ESP (kernel-netlink alone), driven over vici on TCP. */
  async startStrongSwan(
    middle: Namespace,
    options: { readonly logLevel?: 'normal' | 'secrets' } = {},
  ): Promise<GuestStrongSwan> {
    const shared = join(this.#folder, 'shared')
    for (const part of SWANCTL_FOLDERS) mkdirSync(join(shared, part), { recursive: true })
    writeFileSync(
      join(shared, 'strongswan.conf'),
      strongswanConf({
        esp: 'kernel',
        vici: `tcp://0.0.0.0:${VICI_PORT}`,
        log: '/mnt/shared/charon.log',
        level: options.logLevel ?? 'normal',
      }),
    )
    await this.run(
      'STRONGSWAN_CONF=/mnt/shared/strongswan.conf setsid /usr/lib/ipsec/charon </dev/null >/dev/null 2>&1 &',
    )
    const env = { STRONGSWAN_CONF: join(shared, 'strongswan.conf'), SWANCTL_DIR: shared }
    const control = new GuestStrongSwan(
      (argv, timeout) => run(middle.argv(argv), { env, timeout }),
      shared,
      `tcp://${ADDRESSES.gatewayB.ipv4}:${VICI_PORT}`,
    )
    await eventually('charon in the guest answers', () => control.isReady(), {
      patience: 20_000,
      interval: 200,
    })
    return control
  }

  /** A folder of this machine that the guest has at `GUEST_SHARED`; it goes with the guest. */
  get shared(): string {
    return join(this.#folder, 'shared')
  }

  /** What the guest's kernel printed. */
  console(): string {
    return this.#console()
  }

  /** Ends the guest at once; nothing in it is worth a shutdown. */
  stop(): void {
    this.#kill()
  }
}

export class GuestStrongSwan extends SwanControl {
  readonly #shared: string

  constructor(swanctl: ConstructorParameters<typeof SwanControl>[0], shared: string, uri: string) {
    super(swanctl, shared, uri)
    this.#shared = shared
  }

  log(): string {
    const file = join(this.#shared, 'charon.log')
    return exists(file) ? readFileSync(file, 'utf8') : ''
  }
}

/** @returns the folder of the guest kernel's modules; undefined when the package is not installed. */
function umlModules(): string | undefined {
  try {
    const release = readdirSync(MODULES)[0]
    return release === undefined ? undefined : join(MODULES, release)
  } catch {
    return undefined
  }
}

/** Where the guest has its `shared` folder. */
export const GUEST_SHARED = '/mnt/shared'
const MODULES = '/usr/lib/uml/modules'
const VICI_PORT = 4502

/**
 * Modules of algorithms are asked for by the kernel while a state is installed, so modprobe has to find them: by a script,
 * because /lib/modules of the machine is another kernel's and read-only.
 */
/** Builds what the kernel lacks on newest processors; see the source. @returns the library to load before it */
function registerCompleter(folder: string): string {
  const library = join(folder, 'registers.so')
  const source = join(import.meta.dirname, 'uml-registers.c')
  const { status, stderr } = spawnSync('gcc', ['-O2', '-shared', '-fPIC', '-o', library, source], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`gcc cannot build ${source}: ${stderr}`)
  return library
}

function initScript(modules: string, shared: string): string {
  return `#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for place in /run /var/tmp /mnt; do mount -t tmpfs tmpfs $place; done
mkdir -p /mnt/lib/modules /mnt/shared
ln -s ${modules} /mnt/lib/modules/$(uname -r)
mount -t hostfs none /mnt/shared -o ${shared}
printf '#!/bin/sh\\nexec /sbin/modprobe -d /mnt "$@"\\n' > /mnt/modprobe
chmod 755 /mnt/modprobe
echo /mnt/modprobe > /proc/sys/kernel/modprobe
modprobe -d /mnt -a esp4 esp6 xfrm_user af_key
for kind in all default; do
  echo 0 > /proc/sys/net/ipv6/conf/$kind/accept_dad
done
ip -batch - <<'END'
link set lo up
link set vec0 up
addr add 198.51.100.20/24 dev vec0
addr add fd00:b::20/64 dev vec0
addr add 10.2.0.1/16 dev lo
addr add fd00:2::1/64 dev lo
route add default via 198.51.100.1
route add default via fd00:b::1
END
cd /mnt/shared
echo yes > ready
next=1
while :; do
  if [ -e $next.sh ]; then
    sh $next.sh > $next.out 2> $next.err </dev/null
    echo $? > $next.code.new
    mv $next.code.new $next.code
    next=$((next + 1))
  else
    sleep 0.03
  fi
done
`
}

function exists(file: string): boolean {
  try {
    readFileSync(file)
    return true
  } catch {
    return false
  }
}
