import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ErrorNote, Loading } from './notice.js';

/** A component whose code is fetched when it is first shown. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | undefined;
  return function Lazy(props: P) {
    const [Shown, setShown] = useState<ComponentType<P> | undefined>(() => loaded);
    const [error, setError] = useState<unknown>();
    const fetchCode = () => {
      setError(undefined);
      load().then((component) => {
        loaded = component;
        setShown(() => component);
      }, setError);
    };
    useEffect(() => {
      // Another instance may have fetched it since this one was rendered.
      if (!Shown) fetchCode();
    }, []);
    if (Shown) return <Shown {...props} />;
    return error === undefined ? (
      <Loading rows={5} what="the page" />
    ) : (
      <ErrorNote error={error} retry={fetchCode} />
    );
  };
}
