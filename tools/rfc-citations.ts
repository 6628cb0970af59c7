import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A place in an RFC as comments and test names cite it: `RFC 2409 §5.4`, `RFC 2409 appendix B`, or the whole document. */
export type Citation = { readonly rfc: string; readonly section: string | undefined }

/** Titles of the RFCs the product is built on, and of their sections. */
export type RfcSections = Readonly<
  Record<string, { readonly title: string; readonly sections: Readonly<Record<string, string>> }>
>

export const rfcSections: RfcSections = JSON.parse(
  readFileSync(join(import.meta.dirname, 'rfc-sections.json'), 'utf8'),
) as RfcSections

/** Several sections may follow one number: `RFC 2409 §5.4, §5.5 and appendix B`. */
export function citationsIn(text: string): readonly Citation[] {
  return [...text.matchAll(CITATION)].flatMap(([, rfc = '', sections = '']): Citation[] => {
    const found = [...sections.matchAll(SECTION)].map(([, number, appendix]) => ({
      rfc,
      section: number ?? `appendix ${appendix}`,
    }))
    return found.length > 0 ? found : [{ rfc, section: undefined }]
  })
}

const SECTION = /§(\d+(?:\.\d+)*)|appendix ([A-Z])\b/g
const CITATION = /\bRFC (\d{3,5})((?:(?:,| and|, and| or)? (?:§\d+(?:\.\d+)*|appendix [A-Z]\b))*)/g
