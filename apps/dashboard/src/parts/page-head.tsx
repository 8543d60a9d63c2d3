import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';

interface PageHeadProps {
  title: string;
  /** Where it stands: links to what it is a part of. */
  within?: ComponentChildren;
  /** State and facts, right of the title. */
  beside?: ComponentChildren;
  about?: ComponentChildren;
  actions?: ComponentChildren;
}

/** The head that all pages share; it also names the tab. */
export function PageHead({ title, within, beside, about, actions }: PageHeadProps) {
  useEffect(() => {
    document.title = `${title} · Scion`;
  }, [title]);
  return (
    <header class="page-head">
      <div class="page-name">
        {within && <p class="page-within">{within}</p>}
        <div class="page-title">
          <h1>{title}</h1>
          {beside}
        </div>
        {about && <p class="quiet">{about}</p>}
      </div>
      {actions && <div class="page-actions">{actions}</div>}
    </header>
  );
}
