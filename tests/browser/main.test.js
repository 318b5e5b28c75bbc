// The page in a real Chromium, before a real popgate with real sessions.
import { after } from 'node:test';
import { closeBrowser } from './support/browser.js';
import './contention.js';
import './cluster.js';
import './past.js';
import './report.js';
import './actions.js';
import './blocks.js';
import './login.js';
import './hostile.js';
import './accessibility.js';
import './restart.js';
import './lists.js';
import './load.js';
import './screenshots.js';

after(closeBrowser);
