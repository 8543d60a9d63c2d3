import { createElement, render } from 'preact';
import './styles/tokens.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/nav.css';
import './styles/parts.css';
import './styles/forms.css';
import './styles/lists.css';
import './styles/charts.css';
import { App } from './app.js';

render(createElement(App, {}), document.getElementById('app')!);
