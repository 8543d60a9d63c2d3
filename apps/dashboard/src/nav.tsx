import { elementIdOf, hrefOf, sectionInView } from './navigation.js';
import type { Section } from './route.js';

const titles: Record<Section, string> = {
  tenants: 'Tenants',
  jobs: 'Jobs',
  models: 'Models',
  playground: 'Playground',
  cache: 'Cache',
  base: 'Base and queue',
};

const scion: Section[] = ['tenants', 'jobs', 'models', 'playground'];
const rootstock: Section[] = ['cache', 'base'];

/** The sections as a grafted stem: above the joint what each tenant grows, below it what all of them share. */
export function Nav() {
  return (
    <nav class="nav" aria-label="Sections">
      <ul class="stem stem-scion">
        {scion.map((section) => (
          <Bud key={section} section={section} />
        ))}
      </ul>
      <svg class="graft" viewBox="0 0 24 28" aria-hidden="true">
        <path class="mark-scion" d="M12 0v7l5 4-10 5" />
        <path class="mark-root" d="M17 11 7 16l5 5v7" />
      </svg>
      <ul class="stem stem-root">
        {rootstock.map((section) => (
          <Bud key={section} section={section} />
        ))}
      </ul>
    </nav>
  );
}

function Bud({ section }: { section: Section }) {
  return (
    <li>
      <a
        href={hrefOf({ section })}
        aria-current={sectionInView.value === section ? 'true' : undefined}
        onClick={() => document.getElementById(elementIdOf(section))?.scrollIntoView()}
      >
        {titles[section]}
      </a>
    </li>
  );
}
