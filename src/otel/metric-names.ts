/** The metrics of {@link instrument}: name, unit and description. */
export const METRICS = {
  operationDuration: {
    name: 'gen_ai.client.operation.duration',
    unit: 's',
    description: 'Duration of one generation, from the submission to the end of the job',
  },
  runs: { name: 'sora_pipeline.runs', unit: '{run}', description: 'Runs that this process ended' },
  degradedRuns: {
    name: 'sora_pipeline.degraded_runs',
    unit: '{run}',
    description: 'Runs that completed although a stage failed or was cut short',
  },
  fallbacks: { name: 'sora_pipeline.fallbacks', unit: '{fallback}', description: 'Fallbacks to the next strategy' },
  uploaded: { name: 'sora_pipeline.uploaded', unit: 'By', description: 'Bytes of uploaded videos' },
  runsInReview: {
    name: 'sora_pipeline.runs_in_review',
    unit: '{run}',
    description: 'Runs that wait for a person, among the newest 1,000',
  },
  oldestDueAge: {
    name: 'sora_pipeline.oldest_due_age',
    unit: 's',
    description: 'How long the most overdue run that no live worker holds has been due',
  },
  heartbeatAge: {
    name: 'sora_pipeline.heartbeat_age',
    unit: 's',
    description: 'How long ago the last heartbeat of this process was written',
  },
} as const
