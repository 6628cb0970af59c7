/** Configurations of other products in the way their own documentation writes them; the same link from both ends. */

export const SWANCTL_MOON = `connections {

   gw-gw {
      local_addrs  = 192.168.0.1
      remote_addrs = 192.168.0.2

      local {
         auth = psk
         id = moon.strongswan.org
      }
      remote {
         auth = psk
         id = sun.strongswan.org
      }
      children {
         net-net {
            local_ts  = 10.1.0.0/16
            remote_ts = 10.2.0.0/16

            start_action = trap
            updown = /usr/local/libexec/ipsec/_updown iptables
            rekey_time = 5400
            rekey_bytes = 500000000
            rekey_packets = 1000000
            esp_proposals = aes128-sha256-modp3072
         }
      }
      version = 1
      mobike = no
      reauth_time = 10800
      proposals = aes128-sha256-modp3072
   }
}

secrets {
   ike-1 {
      id-1 = moon.strongswan.org
      secret = 0x45a30759df97dc26a15b88ff
   }
   ike-2 {
      id-2 = sun.strongswan.org
      secret = "This is a strong password"
   }
   ike-3 {
      id-3a = moon.strongswan.org
      id-3b =sun.strongswan.org
      secret = 0sv+NkxY9LLZvwj4qCC2o/gGrWDF2d21jL
   }
}
`

export const SWANCTL_SUN: string = SWANCTL_MOON.replace('192.168.0.1', 'X')
  .replace('192.168.0.2', '192.168.0.1')
  .replace('X', '192.168.0.2')
  .replace('id = moon', 'id = Y')
  .replace('id = sun', 'id = moon')
  .replace('id = Y', 'id = sun')
  .replace('10.1.0.0/16', 'Z')
  .replace('10.2.0.0/16', '10.1.0.0/16')
  .replace('Z', '10.2.0.0/16')
  .replace('start_action = trap', 'start_action = none')

export const IPSEC_MOON = `# /etc/ipsec.conf - strongSwan IPsec configuration file

config setup

conn %default
	ikelifetime=60m
	keylife=20m
	rekeymargin=3m
	keyingtries=1
	keyexchange=ikev1
	authby=secret

conn net-net
	left=192.168.0.1
	leftsubnet=10.1.0.0/16
	leftid=@moon.strongswan.org
	leftfirewall=yes
	right=192.168.0.2
	rightsubnet=10.2.0.0/16
	rightid=@sun.strongswan.org
	auto=start
`

export const IPSEC_SUN: string = IPSEC_MOON.replace(
  /conn net-net[\s\S]*/,
  `conn net-net
	left=192.168.0.2
	leftsubnet=10.2.0.0/16
	leftid=@sun.strongswan.org
	leftfirewall=yes
	right=192.168.0.1
	rightsubnet=10.1.0.0/16
	rightid=@moon.strongswan.org
	auto=add
`,
)

export const IPSEC_SECRETS = `# /etc/ipsec.secrets - strongSwan IPsec secrets file

192.168.0.1 192.168.0.77 : PSK "of another peer altogether, and long"
@moon.strongswan.org @sun.strongswan.org : PSK 0sv+NkxY9LLZvwj4qCC2o/gGrWDF2d21jL
`

/** host2host-transport, with dpd-clear and one port as in protoport-dual. */
export const IPSEC_TRANSPORT = `conn %default
	keyexchange=ikev1
	authby=secret

conn host-host
	also=ends
	type=transport
	ike=aes128-sha256-modp2048!
	esp=aes128gcm16!
	leftprotoport=tcp
	rightprotoport=tcp/ssh
	dpdaction=clear
	dpddelay=10
	dpdtimeout=30
	auto=route

conn ends
	left=192.168.0.1
	right=192.168.0.77
`

export const IPSEC_CERT = `conn net-net
	keyexchange=ikev1
	left=192.168.0.1
	leftcert=moonCert.pem
	leftid=@moon.strongswan.org
	leftsubnet=10.1.0.0/16
	right=192.168.0.2
	rightid="C=CH, O=strongSwan Project, CN=sun.strongswan.org"
	rightca="C=CH, O=strongSwan Project, CN=strongSwan Root CA"
	rightsubnet=10.2.0.0/16
	auto=add
`

export const LIBRESWAN = `config setup
	logfile=/var/log/pluto.log
	protostack=netkey
	ikev1-policy=accept

conn paris
	ikev2=no
	authby=secret
	left=%defaultroute
	leftid=203.0.113.10
	leftsubnets={10.1.0.0/16 10.5.0.0/16}
	right=198.51.100.7
	rightsubnet=10.2.0.0/16
	ike=aes256-sha2_256;modp2048
	phase2alg=aes_gcm256-null,aes256-sha2_256
	salifetime=1h
	ikelifetime=8h
	dpddelay=30
	dpdtimeout=120
	dpdaction=restart
	encapsulation=yes
	auto=ondemand

conn modern
	left=%defaultroute
	right=198.51.100.8
	authby=secret
`
