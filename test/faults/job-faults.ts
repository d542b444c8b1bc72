import { type FaultHandler, reply, replyJson } from 'sora-pipeline/testing'
import type { Fault } from './fault.ts'
import { jobReply, jobText } from './world.ts'

const still = { poll: 'read', 'poll-always': 'in time' } as const

/** Faults in what an upstream reports of a job. */
export const JOB_FAULTS: readonly Fault[] = [
  ...['processing_2', 'Überarbeitung', '', '__proto__'].map((status) => ({
    row: 36,
    name: `unknown status ${JSON.stringify(status)}`,
    does: () => jobReply({ status }),
    expected: { create: 'accepted', ...still },
  })),
  { row: 36, name: 'status null', does: () => jobReply({ status: null }), expected: { create: 'accepted', ...still } },
  {
    row: 36,
    name: 'status that is a number',
    does: () => jobReply({ status: 7 }),
    expected: { create: 'accepted', ...still },
  },
  {
    row: 36,
    name: 'status in upper case',
    does: () => jobReply({ status: 'IN-PROGRESS' }),
    expected: { create: 'accepted', ...still },
  },
  {
    row: 37,
    name: 'progress that goes back',
    does: () => jobReply({ status: 'in_progress', progress: 3 }),
    expected: still,
  },
  { row: 37, name: 'progress of 250', does: () => jobReply({ status: 'in_progress', progress: 250 }), expected: still },
  { row: 37, name: 'progress of -5', does: () => jobReply({ status: 'in_progress', progress: -5 }), expected: still },
  {
    row: 37,
    name: 'progress "45%"',
    does: () => jobReply({ status: 'in_progress', progress: '45%' }),
    expected: still,
  },
  {
    row: 37,
    name: 'progress "NaN"',
    does: () => jobReply({ status: 'in_progress', progress: 'NaN' }),
    expected: still,
  },
  { row: 37, name: 'progress null', does: () => jobReply({ status: 'in_progress', progress: null }), expected: still },
  {
    row: 37,
    name: 'progress NaN, which is not JSON',
    does: () => text(jobText({ status: 'in_progress' }).replace('"progress":0', '"progress":NaN')),
    expected: still,
  },
  {
    row: 38,
    name: 'progress stuck at 50',
    does: () => jobReply({ status: 'in_progress', progress: 50 }),
    expected: still,
  },
  {
    row: 39,
    name: 'completed without an address',
    // At /content, behind the key and without an uploader, is the only copy.
    does: () => replyJson({ id: 'video_1', status: 'completed' }),
    expected: { poll: 'read', 'poll-always': 'ends: no-usable-url' },
  },
  {
    row: 39,
    name: 'completed with an error',
    does: () => replyJson({ id: 'video_1', status: 'completed', error: { code: 'server_error', message: 'Broke' } }),
    // Only a poll shows whether the id in answer to a submission is that of a job.
    expected: { create: 'accepted', poll: 'next', 'poll-always': 'next' },
  },
  {
    row: 39,
    name: 'completed with an invalid address',
    does: () => replyJson({ id: 'video_1', status: 'completed', url: 'soon' }),
    expected: { poll: 'read' },
  },
  {
    row: 39,
    name: 'failed',
    does: () => jobReply({ status: 'failed', error: 'Broke' }),
    expected: { create: 'next: generation-failed', poll: 'next', 'poll-always': 'next' },
  },
  {
    row: 39,
    name: 'failed by moderation',
    does: () =>
      replyJson({ id: 'video_1', status: 'failed', error: { code: 'moderation_blocked', message: 'Your prompt' } }),
    expected: {
      create: 'ends: content-rejected',
      poll: 'ends: content-rejected',
      'poll-always': 'ends: content-rejected',
    },
  },
  {
    row: 39,
    name: 'cancelled by another client',
    does: () => jobReply({ status: 'cancelled' }),
    expected: { create: 'next: generation-failed', poll: 'next' },
  },
  {
    row: 40,
    name: 'not listed right after the create',
    does: () => reply({ status: 404, body: 'Not found' }),
    expected: { poll: 'missed', 'poll-always': 'in time' },
  },
  {
    row: 41,
    name: 'job that vanished for good',
    does: () => reply({ status: 404 }),
    generateMs: 250_000,
    expected: { 'poll-always': 'ends: upstream-http' },
  },
  {
    row: 41,
    name: 'job of another id',
    does: () => jobReply({ id: 'video_2', status: 'in_progress' }),
    expected: { poll: 'missed', 'poll-always': 'in time' },
  },
]

function text(body: string): FaultHandler {
  return reply({ headers: { 'content-type': 'application/json' }, body })
}
