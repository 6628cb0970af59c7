import { parentPort } from 'node:worker_threads'
import { nodeKeyAgreement } from '#crypto/node-key-agreement'
import type { Question } from '#ike/effects'
import { answerQuestion } from './answer-question.ts'

parentPort?.on('message', (question: Question) => {
  parentPort?.postMessage(answerQuestion(question, nodeKeyAgreement))
})
