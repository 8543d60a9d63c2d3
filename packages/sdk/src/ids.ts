const utf8 = new TextEncoder();

/** 128 random bits in hex. Not `randomUUID`, which browsers offer on HTTPS only. */
export function randomId(): string {
  return toHex(globalThis.crypto.getRandomValues(new Uint8Array(16)));
}

/** The same 128 bits in hex for the same text: the beginning of its SHA-256. */
export async function idOfText(text: string): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', utf8.encode(text))).subarray(0, 16));
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
