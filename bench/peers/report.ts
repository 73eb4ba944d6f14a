// The comparison as Markdown.
import { percentile, perRequest, type Sample } from '../measure.ts';
import { ms, table, times, whole } from '../report.ts';
import type { operations, Peer } from './peer.ts';

export interface PeerRow {
  operation: (typeof operations)[number];
  own: Sample;
  other: Sample;
}

const names: Record<PeerRow['operation'], string> = {
  lookup: 'one user by id',
  list: 'a page of 100',
  create: 'a user made, without password',
};

const both = (sample: Sample) => perRequest(sample).server + perRequest(sample).postgres;

export const peerTable = ({ name, protocol }: Peer, rows: readonly PeerRow[]): string =>
  table(
    [
      `CPU ms per request, ${protocol === 'grpc' ? 'gRPC' : 'JSON over HTTP/1.1'}`,
      ...['Roster', 'its Postgres', name, 'its Postgres', 'all / all'],
      ...['Roster: requests/s', 'p50 ms', `${name}: requests/s`, 'p50 ms'],
    ],
    rows.map(({ operation, own, other }) => [
      names[operation],
      ...[own, other].flatMap((sample) => [ms(perRequest(sample).server), ms(perRequest(sample).postgres)]),
      times(both(other) / both(own)),
      ...[own, other].flatMap((sample) => [whole(sample.requests / sample.seconds), ms(percentile(sample, 0.5))]),
    ]),
  );
