/**
 * Keys and certificates that are always the same: where a seed decides what happens, the lengths of messages must not depend on
 * keys made anew. They were made for tests and protect nothing; the dates are those of `sample-pki.ts`.
 */
import { createPrivateKey } from 'node:crypto'
import { parseCertificate } from '#pki/certificate'
import { PrivateKey } from '#pki/node-private-key'
import type { Holder } from './sample-pki.ts'

export type FixedPki = {
  readonly ca: Holder['certificate']
  readonly a: Holder
  readonly b: Holder
}

export const FIXED_PKI: Readonly<Record<'rsa1024' | 'p256', FixedPki>> = {
  rsa1024: {
    ca: certificate(
      'MIICLTCCAZagAwIBAgIBATANBgkqhkiG9w0BAQsFADAqMRAwDgYDVQQKDAdFeGFtcGxlMRYwFAYDVQQDDA1DQSBv' +
        'ZiByc2ExMDI0MB4XDTI2MTEyMjAwMDAwMFoXDTI3MTEyMzAwMDAwMFowKjEQMA4GA1UECgwHRXhhbXBsZTEWMBQG' +
        'A1UEAwwNQ0Egb2YgcnNhMTAyNDCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkCgYEAs/styPiyMGXgLj81JqGL1VPt' +
        'Mx8JHAgybjzuE6f66B+ihW1U8H5/7CWQ3z4PsHrBvU6LpUpr2ChEAagwa39KeshivZ1dLSlARyS1mRDodHj8kFPf' +
        'N9k4LrbBHUOYQFq49iLpA6rP8WxlfzwRTOif+4a9ntKshFouKpByGQMrqY0CAwEAAaNjMGEwDwYDVR0TAQH/BAUw' +
        'AwEB/zAOBgNVHQ8BAf8EBAMCAQYwHQYDVR0OBBYEFFldMRQ8AvoETOOjwh1tfXB7lMK+MB8GA1UdIwQYMBaAFFld' +
        'MRQ8AvoETOOjwh1tfXB7lMK+MA0GCSqGSIb3DQEBCwUAA4GBADW5CfEm7efnDX4FtGMz0izDTQT+V+Z4bLqIqg5r' +
        'tRExg2jf0Lfhz2FAI1/Wu2TRomCgAZPXBeAGP3jKw56UxvC/Ip9gz166WoZPrDKwxnk4PG/lBC/XYT44CmirYowT' +
        'CZf2TnUdC9QvDdIJ2mkbptjh9odQqDH/hYHpuGsZTAZl',
    ),
    a: holder(
      'MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBAOHmjuQGwRY86y1a5zD8Yp0z0zMhYtZIL2bBWMdq' +
        'GtOsCSbABEeGkY1UAQNRllaB5IANbvGqJ8clpC9KYWlOgRRhKKxqcyBBPcuogdOCoavFCLGW7W4W439DyDL6gpI9' +
        'rMyLpKEQsQiPqp741V4agev0DhT4Ag537Zz/O97pccYlAgMBAAECgYEAsPKPRPBBePDY6psE8ysO98JrkeZ57A15' +
        'C80xhGqJfvqH5JGOCJTRGFoPvRDAaRyv5toe6C93nxfOBrkFmp5CnkHfY5LHmf0XMjWp2LDAHp5O4iE8+d4TvX4G' +
        'IBFAtF9JbfAqmdjcNWh56JuN2k2x3J8Whgc1F6uEgjGxfyExOBUCQQD8Hx/g+WKrnbul8ahEmFE0wG96E7bdxRuX' +
        '7TCSAah9mwKPCJwUh5vF1MMoq+NncCZkgWQ8tzzHwXlE6MyXUwj/AkEA5WAsX+3haBRUWHTW1j8D8yi22CQedzO0' +
        'jeGmxJjNTikr1fVrLuhhT20y/a9IPqpfbibjYSEf6KwsZNs9COLs2wJBAMw+2rCC17B34+CXWN3ZF1BI5QZcmjQm' +
        'zifR+xsNRNYckYIWU3s+MK+foUp9lYfijve06uNU/mRFFF0Cy1t75TkCQCa4SGVdK5q9K8vO1WFPO+R1MABmgHoQ' +
        '0V7OA6/WN3oFOzAgAJrngV2+CkiGqURi0D8w81s3E0LcpZXU6IWygNcCQBnOXxW9xThUn2tGyrQzUliMACcALX/o' +
        'X8T1mgzMIVgdMk6LFcVkvnwn4kj0D2AzF0xsWQj8HmiSicBjvs4y01Q=',
      'MIICUDCCAbmgAwIBAgIBAjANBgkqhkiG9w0BAQsFADAqMRAwDgYDVQQKDAdFeGFtcGxlMRYwFAYDVQQDDA1DQSBv' +
        'ZiByc2ExMDI0MB4XDTI2MTEyMjAwMDAwMFoXDTI3MTEyMzAwMDAwMFowHjEQMA4GA1UECgwHRXhhbXBsZTEKMAgG' +
        'A1UEAwwBYTCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkCgYEA4eaO5AbBFjzrLVrnMPxinTPTMyFi1kgvZsFYx2oa' +
        '06wJJsAER4aRjVQBA1GWVoHkgA1u8aonxyWkL0phaU6BFGEorGpzIEE9y6iB04Khq8UIsZbtbhbjf0PIMvqCkj2s' +
        'zIukoRCxCI+qnvjVXhqB6/QOFPgCDnftnP873ulxxiUCAwEAAaOBkTCBjjAMBgNVHRMBAf8EAjAAMA4GA1UdDwEB' +
        '/wQEAwIHgDATBgNVHSUEDDAKBggrBgEFBQcDETAdBgNVHQ4EFgQUcf6b/gQs3IlpbhiHxbHgJ42MSmgwHwYDVR0j' +
        'BBgwFoAUWV0xFDwC+gRM46PCHW19cHuUwr4wGQYDVR0RBBIwEIIOZ3cuZXhhbXBsZS5uZXQwDQYJKoZIhvcNAQEL' +
        'BQADgYEAhJ3+4RH7goj/PRRPQuyOkidDmwq8c4yoYdl1CXidyCTTKHAn6PfHFr6SZAxvYX8K7HYXzawrgoVV+5Np' +
        'Wk9DkfJaNNVjNPpQQc4NwiAuScwej40iBUhaUFC3DrAh6NXqkktfjKoFOtnalajvEHOWslO4yIsrULdhw6gjsbLW' +
        '+kQ=',
    ),
    b: holder(
      'MIICeAIBADANBgkqhkiG9w0BAQEFAASCAmIwggJeAgEAAoGBANspIHqHzRM+CdzkkPTmrRhyWxWrcFIxhsqznOkO' +
        'bOzy6rzry4Aj/l6ziZFD1WS6dkaQCJMksU2jDc4/iyzDbLukz1cRIAclnY3LUh07h/P5T/elNAH9d7sqnmjiCSsi' +
        'bchWyyyr9zVgzs0a42MvWuLmu3kInBxd4S73thjH9vnRAgMBAAECgYEAhdtMtwoSu1n89Cm2T55EwtW1xDp90/Xj' +
        '+hJSGBZzeRW1QcZS+OUDDBxkPZFM2MT6UIbQde7HTD/2wq4U9zY1RhRoSY/2E8qAAR4PTBSEuMdHkxWwfi5GC5rS' +
        'cY4vMobPQafMxQk3s8k/DsD7aGr1G3TA8nZXfbYWRlJdEUCaIAECQQD/nR2D2Ce/An4fLdb1UD42GDEZuBIH78/r' +
        'BjD0q8eu63ERpvsgko61gNDM5r9KEIuuYpxGaw7JaP6+pmToo8GBAkEA233o3Uc8FL6LyJYZ4/otQar7cMd03a/d' +
        'vEtQ99K0Erh+xl3ZqEVH7r8VgLPMjlpJ2rbOBx9zxTQWEuwe0gbAUQJAPPgs4hXc5SKjEqzMaRcKv7xlecz+AAaj' +
        'gVuosbOHnaFrBtrda5eJkqF3LGidl/z6VE4RGHrQvBnfKXpm91aYAQJBAJYB6UJBywgKahI+s5chhgiZSJr9Vhuk' +
        'dBCaEM4ujK82tD3yKi1cnBrJMXLybtzjTBJUWV542nBudp+cDDxSLOECQQCi2ingm4OKM6FD8zh/iIQ7flvMqLmF' +
        'Kz2CDf4MockyySGCl5/qPOTLIQmFlB+toslucs15+23fhvX6oFUg4IIM',
      'MIICUDCCAbmgAwIBAgIBAzANBgkqhkiG9w0BAQsFADAqMRAwDgYDVQQKDAdFeGFtcGxlMRYwFAYDVQQDDA1DQSBv' +
        'ZiByc2ExMDI0MB4XDTI2MTEyMjAwMDAwMFoXDTI3MTEyMzAwMDAwMFowHjEQMA4GA1UECgwHRXhhbXBsZTEKMAgG' +
        'A1UEAwwBYjCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkCgYEA2ykgeofNEz4J3OSQ9OatGHJbFatwUjGGyrOc6Q5s' +
        '7PLqvOvLgCP+XrOJkUPVZLp2RpAIkySxTaMNzj+LLMNsu6TPVxEgByWdjctSHTuH8/lP96U0Af13uyqeaOIJKyJt' +
        'yFbLLKv3NWDOzRrjYy9a4ua7eQicHF3hLve2GMf2+dECAwEAAaOBkTCBjjAMBgNVHRMBAf8EAjAAMA4GA1UdDwEB' +
        '/wQEAwIHgDATBgNVHSUEDDAKBggrBgEFBQcDETAdBgNVHQ4EFgQU3OqMajEBl/AUHmbrgnfc1WFTLBkwHwYDVR0j' +
        'BBgwFoAUWV0xFDwC+gRM46PCHW19cHuUwr4wGQYDVR0RBBIwEIIOZ3cuZXhhbXBsZS5uZXQwDQYJKoZIhvcNAQEL' +
        'BQADgYEACHGkqFsAbIzB1H2OoJ8ADbfXr2IczC0FIcJF1CZABYdN1XqjGaBvIsAaIqjswFWKv/ZqT25Jtcx50uXW' +
        'yv3lwZqNGnHqShvFQ6Q4wHTfJVSyYzsxcIe96a7aQINWGfMq57O1YlsmoQajusgHh7FdGeLC3z7zk76F6DNLmgjR' +
        'Z/w=',
    ),
  },
  p256: {
    ca: certificate(
      'MIIBoDCCAUagAwIBAgIBBDAKBggqhkjOPQQDAjAnMRAwDgYDVQQKDAdFeGFtcGxlMRMwEQYDVQQDDApDQSBvZiBw' +
        'MjU2MB4XDTI2MTEyMjAwMDAwMFoXDTI3MTEyMzAwMDAwMFowJzEQMA4GA1UECgwHRXhhbXBsZTETMBEGA1UEAwwK' +
        'Q0Egb2YgcDI1NjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABIxK/+Dbt9xgy9C4D8KppxM+yrfJqaOcyNy+bnOU' +
        'KH796Xn1Dkqps+fanbVDao9+/XZbzK8IymM5mZQ4PjK3QPOjYzBhMA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/' +
        'BAQDAgEGMB0GA1UdDgQWBBRdBLLK1qTtNcEs3gz3KpCLi+TQOTAfBgNVHSMEGDAWgBRdBLLK1qTtNcEs3gz3KpCL' +
        'i+TQOTAKBggqhkjOPQQDAgNIADBFAiEAxeJ/kZw/E0Q375EhOjNLcjQVpR4lkUNoA5i/kXwwJ/ACIEr+Ul8JH/Ke' +
        'hBXxwiVJ3CVbUkowVzZC8aCNKj5ayfsD',
    ),
    a: holder(
      'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgt6f14L17MThryUCE2x2T+njlhaMWb9VhHxCc5CO0' +
        'i2OhRANCAATyKIW00nu2NeKRwvVncDdfZGBuzPisbi9Vnuz0dpjGNFaF7+h9UuUyCd4JjIgRMQb/CkFE6J4GK97K' +
        'i36palTD',
      'MIIBxzCCAWygAwIBAgIBBTAKBggqhkjOPQQDAjAnMRAwDgYDVQQKDAdFeGFtcGxlMRMwEQYDVQQDDApDQSBvZiBw' +
        'MjU2MB4XDTI2MTEyMjAwMDAwMFoXDTI3MTEyMzAwMDAwMFowHjEQMA4GA1UECgwHRXhhbXBsZTEKMAgGA1UEAwwB' +
        'YTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABPIohbTSe7Y14pHC9WdwN19kYG7M+KxuL1We7PR2mMY0VoXv6H1S' +
        '5TIJ3gmMiBExBv8KQUTongYr3sqLfqlqVMOjgZEwgY4wDAYDVR0TAQH/BAIwADAOBgNVHQ8BAf8EBAMCB4AwEwYD' +
        'VR0lBAwwCgYIKwYBBQUHAxEwHQYDVR0OBBYEFM5O9hqCwRvW0cqo2ORU85EWOL7TMB8GA1UdIwQYMBaAFF0EssrW' +
        'pO01wSzeDPcqkIuL5NA5MBkGA1UdEQQSMBCCDmd3LmV4YW1wbGUubmV0MAoGCCqGSM49BAMCA0kAMEYCIQDkrkWM' +
        'Oc2SaNOMpF9RMcMdYR5PjR+F4pupj4wNPSIxhwIhAN1Bz/El5ye0FvrLMichrF5gwCA7DmUMdNRrC61M0Daj',
    ),
    b: holder(
      'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggWTImx6z+c+W5Fw/BR/mf51OsbiAgAmnlIn+8BB4' +
        'UXGhRANCAAQ5D7GpW2a6EcFx+yRL3m+vs+Zo7y61JJUikhHDULt+QfkuOvoWAWdy+6cEu3s9nBkv7RBtUKcBk1tT' +
        'WLnqnNcL',
      'MIIBxjCCAWygAwIBAgIBBjAKBggqhkjOPQQDAjAnMRAwDgYDVQQKDAdFeGFtcGxlMRMwEQYDVQQDDApDQSBvZiBw' +
        'MjU2MB4XDTI2MTEyMjAwMDAwMFoXDTI3MTEyMzAwMDAwMFowHjEQMA4GA1UECgwHRXhhbXBsZTEKMAgGA1UEAwwB' +
        'YjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDkPsalbZroRwXH7JEveb6+z5mjvLrUklSKSEcNQu35B+S46+hYB' +
        'Z3L7pwS7ez2cGS/tEG1QpwGTW1NYueqc1wujgZEwgY4wDAYDVR0TAQH/BAIwADAOBgNVHQ8BAf8EBAMCB4AwEwYD' +
        'VR0lBAwwCgYIKwYBBQUHAxEwHQYDVR0OBBYEFB57SgKJUF27G9TLhXbyP+RK3IeJMB8GA1UdIwQYMBaAFF0EssrW' +
        'pO01wSzeDPcqkIuL5NA5MBkGA1UdEQQSMBCCDmd3LmV4YW1wbGUubmV0MAoGCCqGSM49BAMCA0gAMEUCIQD1AaHV' +
        'BOv6ishz5JQu9Jb8KHE43CE/d6cGWuO2ExpPiQIgZ2dxg+DH8G7NYZswzOylg6v8Xzqvh9MejiUC6g2oq1E=',
    ),
  },
}

function certificate(base64: string): Holder['certificate'] {
  return parseCertificate(octets(base64))
}

function holder(key: string, issued: string): Holder {
  const handle = createPrivateKey({ key: Buffer.from(octets(key)), format: 'der', type: 'pkcs8' })
  return { key: new PrivateKey(handle), certificate: certificate(issued) }
}

function octets(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'))
}
