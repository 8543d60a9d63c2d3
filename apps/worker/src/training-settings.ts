import type { Method, Training } from '@scion/contracts';
import { LORA_SETTINGS, type LoraSettings } from '@scion/engine';

/** What a job is to do: what it says itself goes before what its task says, and that before the defaults. */
export interface TrainingSettings {
  method: Method;
  seed: number | undefined;
  classBalance: number;
  warmStart: boolean;
  lora: LoraSettings;
}

export function resolveTraining(task: Training = {}, job: Training = {}): TrainingSettings {
  const { method = 'auto', seed, classBalance = 0, warmStart = true, ...given } = { ...task, ...job };
  const rank = given.rank ?? LORA_SETTINGS.rank;
  // The default scale is kept whatever the rank.
  const alpha = (LORA_SETTINGS.alpha / LORA_SETTINGS.rank) * rank;
  return { method, seed, classBalance, warmStart, lora: { ...LORA_SETTINGS, alpha, ...given } };
}
