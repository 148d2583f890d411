import { describe, expect, it } from 'vitest';
import { chooseSinks } from '../../../shared/alerts/choose-sinks.ts';
import type { BusEvent } from '../../../shared/messages/bus-events.ts';
import { parseSettings } from '../../../shared/model/settings/settings.ts';
import { findingEvent, REPOSITORY, scanEvent } from './sample-events.ts';

const { sinks } = parseSettings(
  {
    version: 1,
    sinks: [
      { name: 'ops', kind: 'webhook', url: 'https://hooks.example/', signingSecret: 'a' },
      { name: 'local', kind: 'webhook', url: 'http://127.0.0.1:9/', signingSecret: 'b', refs: 'all' },
    ],
  },
  'test',
);

const names = (event: BusEvent) => {
  const { wanted, spared } = chooseSinks(event, sinks);
  return { wanted: wanted.map(({ name }) => name), spared: spared.map(({ name }) => name) };
};
const both = { wanted: ['ops', 'local'], spared: [] };
const none = { wanted: [], spared: [] };
const side = { ...REPOSITORY, ref: 'refs/heads/x', isDefaultBranch: false };

describe('chooseSinks', () => {
  it('sends transitions of findings that the policy rejects or warns of', () => {
    for (const detailType of ['finding opened', 'finding reopened', 'finding resolved'] as const) {
      expect(names(findingEvent({ detailType }))).toEqual(both);
      expect(names(findingEvent({ detailType }, { decision: 'warn' }))).toEqual(both);
      expect(names(findingEvent({ detailType }, { decision: 'accept' }))).toEqual(none);
    }
  });

  it('sends one summary of a first scan instead of its findings', () => {
    expect(names(findingEvent({ baseline: true }))).toEqual(none);
    expect(names(scanEvent({ baseline: true }))).toEqual(both);
    expect(names(scanEvent({ baseline: true, detailType: 'scan incomplete' }))).toEqual(both);
  });

  it('sends a later scan only where it is incomplete', () => {
    expect(names(scanEvent({ baseline: false }))).toEqual(none);
    expect(names(scanEvent({ baseline: false, detailType: 'scan incomplete' }))).toEqual(both);
  });

  it('sends other refs to sinks that want them', () => {
    expect(names(findingEvent({ repository: side }))).toEqual({ wanted: ['local'], spared: [] });
  });

  it('keeps made-up answers on this machine', () => {
    expect(names(findingEvent({ answers: 'stand-in' }))).toEqual({ wanted: ['local'], spared: ['ops'] });
    expect(names(findingEvent({ answers: 'community' }))).toEqual(both);
  });
});
