import { parentPort } from 'node:worker_threads'
import { nodeKeyAgreement } from '#crypto/node-key-agreement'
import { opensslEcdsa } from '#platform/openssl-ecdsa'
import { answerQuestion } from './answer-question.ts'
import { type QuestionMessage, questionOf } from './question-message.ts'

const means = { keyAgreement: nodeKeyAgreement, bareEcdsa: opensslEcdsa() }

parentPort?.on('message', (message: QuestionMessage) => {
  parentPort?.postMessage(answerQuestion(questionOf(message), means, message.verification))
})
