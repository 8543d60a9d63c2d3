import type { Card } from './schemas/models.js';

/**
 * The `adapter_config.json` that Hugging Face PEFT wants beside `adapter_model.safetensors` (its LoraConfig, peft 0.14):
 * `PeftModel.from_pretrained(AutoModel.from_pretrained(…), folder)` then has the encoder as this version adapts it. The head
 * in the same file (`head.weight`, `head.bias`, of a regression `head.scale`) is not of PEFT's kind, and left aside by it.
 * @param base the base that the service runs on; another, whose name is not known here, is told by its hash
 * @returns undefined for a version without low-rank matrices
 */
export function peftConfig(card: Card, base: { name: string; sha256: string }) {
  const { lora } = card.recipe;
  return (
    lora && {
      peft_type: 'LORA',
      task_type: 'FEATURE_EXTRACTION',
      base_model_name_or_path: card.baseSha256 === base.sha256 ? base.name : card.baseSha256,
      inference_mode: true,
      r: lora.rank,
      lora_alpha: lora.alpha,
      lora_dropout: 0,
      target_modules: lora.targets,
      layers_to_transform: lora.layers,
      // Null: PEFT finds `encoder.layer.<n>.` by its own patterns.
      layers_pattern: null,
      rank_pattern: {},
      alpha_pattern: {},
      modules_to_save: null,
      bias: 'none',
      fan_in_fan_out: false,
      init_lora_weights: true,
      use_rslora: false,
      use_dora: false,
    }
  );
}
