import helmet from '@fastify/helmet';
import type { App } from '../server.js';

/** For the dashboard and the API reference alike: everything from this origin, nothing inline, no framing. */
export async function addSecurityHeaders(app: App): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    referrerPolicy: { policy: 'no-referrer' },
    // Without TLS browsers ignore it; with TLS the proxy that ends it knows better than this process.
    strictTransportSecurity: false,
  });
}
