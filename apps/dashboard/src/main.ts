import { createElement, render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/parts.css';
import './styles/sections.css';
import { App } from './app.js';

render(createElement(App, {}), document.getElementById('app')!);
