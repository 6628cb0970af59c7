import type { TunnelConfig } from '#config/config'
import type { Failure } from '#ike/events'

/** CW-312 at the server. `user` is what the client calls itself, as far as it gave a name. */
export function userRefused(tunnel: TunnelConfig, user: string | undefined): Failure {
  const who = user === undefined ? 'gave no user name and password' : `says it is user ${user}`
  return {
    code: 'CW-312',
    summary: `${tunnel.name} ${who}, which no user and password of ours fits`,
    ...(user === undefined ? {} : { theirs: user }),
    evidence: 'XAUTH reply under the keys of phase 1',
    certainty: 'certain',
    key: 'xauth',
    remedy: `compare user and password with ${tunnel.name}'s administrator; ours are in the file of xauth.users`,
  }
}

/** CW-312: the client says that it cannot do what we ask. */
export function clientDeclined(tunnel: TunnelConfig): Failure {
  return {
    code: 'CW-312',
    summary: `${tunnel.name} will not answer when asked for user name and password`,
    evidence: 'its XAUTH reply says FAIL',
    certainty: 'certain',
    key: 'xauth',
    remedy: `give ${tunnel.name} the user name and password it is to log in with`,
  }
}

/** CW-312 at the client. */
export function loginRefused(tunnel: TunnelConfig): Failure {
  const user = tunnel.xauth?.role === 'client' ? tunnel.xauth.user : ''
  return {
    code: 'CW-312',
    summary: `${tunnel.name} refused user ${user} or its password`,
    ours: user,
    theirs: 'not told by the peer',
    evidence: 'XAUTH status FAIL under the keys of phase 1',
    certainty: 'certain',
    key: 'xauth',
    remedy: `compare user and password with ${tunnel.name}'s administrator`,
  }
}

/** CW-312: the server wants something we have not. `detail` as in "it wants XAUTH_PASSCODE". */
export function questionDeclined(tunnel: TunnelConfig, detail: string): Failure {
  return {
    code: 'CW-312',
    summary: `${tunnel.name} was not content with user name and password: ${detail}`,
    evidence: 'its XAUTH request under the keys of phase 1',
    certainty: 'certain',
    key: 'xauth',
    remedy: `check user and password, and have ${tunnel.name} ask for these two only: no one-time passwords, no challenge`,
  }
}

/** CW-312: the exchange stopped midway. */
export function loginUnfinished(tunnel: TunnelConfig, role: 'client' | 'server'): Failure {
  return {
    code: 'CW-312',
    summary:
      role === 'client'
        ? `${tunnel.name} agreed to ask for user name and password and never finished doing so`
        : `${tunnel.name} agreed to give user name and password and fell silent when asked`,
    evidence: 'phase 1 is done; XAUTH was begun or awaited, and time ran out',
    certainty: 'certain',
    key: 'xauth',
    remedy: `see in ${tunnel.name}'s log what became of XAUTH, and that xauth.role here is not its role too`,
  }
}

/** CW-312: the peer deleted the ISAKMP SA before a login, or in it. */
export function loginEnded(tunnel: TunnelConfig, isServer: boolean): Failure {
  const { name } = tunnel
  return {
    ...loginUnfinished(tunnel, isServer ? 'server' : 'client'),
    summary: isServer
      ? `${name} agreed to give user name and password and ended the SA when asked`
      : `${name} agreed to ask for user name and password and ended the SA before it said that they are right`,
    evidence: 'phase 1 is done; the peer deleted the ISAKMP SA while XAUTH was begun or awaited',
    certainty: 'very likely',
    remedy: `see in ${name}'s log why; compare ${isServer ? 'the user name and password it has' : 'user and password'} with its administrator`,
    otherCauses: [`${name} refuses our identity or proof, and says no word of it`],
  }
}

/** CW-313. `detail` as in "it gave none". */
export function noAddress(tunnel: TunnelConfig, detail: string): Failure {
  return {
    code: 'CW-313',
    summary: `${tunnel.name} gave us no address that we could use: ${detail}`,
    evidence: 'Mode Config under the keys of phase 1',
    certainty: 'certain',
    key: 'mode-config',
    remedy: `have ${tunnel.name} keep an address for us, by the same method (pull or push), or leave mode-config out here`,
  }
}

/** CW-313 at a server that pushes. */
export function addressNotTaken(tunnel: TunnelConfig): Failure {
  return {
    code: 'CW-313',
    summary: `${tunnel.name} did not take the address we told it`,
    evidence: 'Mode Config SET under the keys of phase 1, never acknowledged',
    certainty: 'certain',
    key: 'mode-config',
    remedy: `set mode-config.method to pull if ${tunnel.name} asks for its address itself`,
  }
}
