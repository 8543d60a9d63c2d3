import 'uplot/dist/uPlot.min.css';

/** The library with its styles, in a file of its own: pages without a plot never fetch it. */
export { default } from 'uplot';
