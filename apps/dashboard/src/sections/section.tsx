import type { ComponentChildren } from 'preact';
import { elementIdOf } from '../navigation.js';
import type { Section as Name } from '../route.js';

interface SectionProps {
  name: Name;
  title: string;
  /** What it is about, in a few words, where the title alone does not say it. */
  about?: string;
  /** Filters and actions, at the end of the heading's line. */
  actions?: ComponentChildren;
  children: ComponentChildren;
}

/** One part of the page, with the frame that all parts share. */
export function Section({ name, title, about, actions, children }: SectionProps) {
  const id = elementIdOf(name);
  return (
    <section id={id} class="section" aria-labelledby={`${id}-title`}>
      <header class="section-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {about && <p class="quiet">{about}</p>}
        {actions && <div class="section-actions">{actions}</div>}
      </header>
      {children}
    </section>
  );
}
