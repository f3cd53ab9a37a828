// The mobile network behind Kannel, for the tests: an SMSC that speaks SMPP 3.4 and does what the last two digits of
// the recipient say. It listens on loopback at the ports in its arguments: SMPP, and HTTP for the tests:
//   GET /log               what has been submitted
//   POST /mo?from=&to=     an SMS from a patient; its body is the text, as UCS-2 with &coding=8
'use strict';
const http = require('http');
const smpp = require('smpp');

const [smppPort, controlPort] = process.argv.slice(2).map(Number);
const DELAY = 50; // ms from submit to report
const REPORTS = {
  '05': ['ENROUTE', 'EXPIRED'], '06': [], '07': ['DELIVRD', 'DELIVRD'], '09': ['DELETED'], 10: ['UNKNOWN'],
  11: ['UNDELIV'], 12: ['EXPIRED'], 13: ['REJECTD'], 14: ['ACCEPTD', 'DELIVRD'],
};
const REFUSALS = { 90: smpp.ESME_RINVDSTADR, 91: smpp.ESME_RTHROTTLED, 92: smpp.ESME_RMSGQFUL, 94: smpp.ESME_RSYSERR };
const EARLY = '08'; // reported before it is answered
const STATES = { ENROUTE: 1, DELIVRD: 2, EXPIRED: 3, DELETED: 4, UNDELIV: 5, ACCEPTD: 6, UNKNOWN: 7, REJECTD: 8 };

const sessions = new Set();
const log = [];

function report(session, submitted, id, state) {
  const text = `id:${id} sub:001 dlvrd:001 submit date:2611250800 done date:2611250800 stat:${state} err:000 text:`;
  session.deliver_sm({
    esm_class: 4, source_addr_ton: 1, source_addr_npi: 1, source_addr: submitted.destination_addr,
    destination_addr: submitted.source_addr, short_message: Buffer.from(text, 'ascii'),
    receipted_message_id: id, message_state: STATES[state],
  });
}

function submitted(session, pdu) {
  const id = `smsc-${log.length + 1}`;
  const message = pdu.short_message || {};
  log.push({ id, from: pdu.source_addr, to: pdu.destination_addr, coding: pdu.data_coding, text: message.message });
  const ending = pdu.destination_addr.slice(-2);
  if (ending in REFUSALS) return session.send(pdu.response({ command_status: REFUSALS[ending] }));
  const wanted = pdu.registered_delivery & 1;
  if (ending === EARLY && wanted) report(session, pdu, id, 'DELIVRD');
  setTimeout(() => session.send(pdu.response({ message_id: id })), ending === EARLY ? DELAY : 0);
  if (ending === EARLY || !wanted) return undefined;
  (REPORTS[ending] || ['DELIVRD']).forEach((state, place) => {
    setTimeout(() => { try { report(session, pdu, id, state); } catch { /* the link is gone */ } }, DELAY * (place + 1));
  });
  return undefined;
}

function fromPatient(query, text) {
  const unicode = query.get('coding') === '8';
  const [session] = sessions;
  session.deliver_sm({
    source_addr_ton: 1, source_addr_npi: 1, source_addr: query.get('from'), destination_addr: query.get('to'),
    data_coding: unicode ? 8 : 0,
    short_message: unicode ? Buffer.from(text, 'utf16le').swap16() : { message: smpp.encodings.ASCII.encode(text) },
  });
}

smpp.createServer((session) => {
  const bind = (pdu) => { sessions.add(session); session.send(pdu.response({ system_id: 'smsc' })); };
  session.on('error', () => {});
  session.on('close', () => sessions.delete(session));
  ['bind_transceiver', 'bind_receiver', 'bind_transmitter'].forEach((kind) => session.on(kind, bind));
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => { session.send(pdu.response()); session.close(); });
  session.on('submit_sm', (pdu) => submitted(session, pdu));
}).listen(smppPort, '127.0.0.1');

http.createServer((request, response) => {
  const url = new URL(request.url, 'http://smsc');
  const body = [];
  request.on('data', (part) => body.push(part));
  request.on('end', () => {
    if (url.pathname === '/mo') fromPatient(url.searchParams, Buffer.concat(body).toString('utf8'));
    response.end(JSON.stringify(url.pathname === '/log' ? log : { links: sessions.size }));
  });
}).listen(controlPort, '127.0.0.1');
