const LONGEST_TEXT = 4_000
const STATE =
  /"(?:status|state|task_?status|code|type)"\s*:\s*"(?:video_)?(?:not[_ -]?ready|queued|pending|submitted|waiting|preparing|processing|(?:in|not)[_ -]?(?:progress|complete[d]?)|running|generating|rendering|encoding|uploading|finalizing)"/i
const SENTENCE =
  /\bnot (?:yet )?(?:ready|complete|completed|finished|generated)\b|\bnot yet\b|\bavailable yet\b|\b(?:is|are|still) (?:being |currently )?(?:process|generat|render|encod|upload|prepar|creat|pending|running|queued)|\bin[ -]progress\b|\btry again (?:later|in|soon)\b|尚未|未完成|未就绪|处理中|生成中|进行中|排队中|请稍[后候等]/i
const FINAL =
  /"(?:status|state|task_?status)"\s*:\s*"(?:failed|failure|expired|cancell?ed|deleted|error)"|\b(?:failed|expired|no longer|deleted|removed|never)\b|失败|过期/i

/** Whether the text of an answer without a video announces that the video will come. */
export function announcesVideo(text: string): boolean {
  const seen = text.slice(0, LONGEST_TEXT)
  return (STATE.test(seen) || SENTENCE.test(seen)) && !FINAL.test(seen)
}
