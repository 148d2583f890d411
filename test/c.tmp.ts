import { createDataPlaneClient } from '../shared/safedep/data-plane-client.ts';
const u='http://127.0.0.1:9956'; const c = createDataPlaneClient({ baseUrl: u, transport: process.argv[2] as 'grpc', credential: async () => ({ authorization: 'sfd_x', tenantId: 't.example' }), onFallback: console.log });
const ask=(n:number)=>{const pv={ecosystem:'NPM',name:'p'+(n>>1),version:'1.0.0'} as const; return n&1?c.queryMalware(pv):c.getInsight(pv);};
for (let i=0;i<2000;i+=20) await Promise.all(Array.from({length:20},(_,k)=>ask(i+k)));
await fetch(u+'/stand-in/calls',{method:'DELETE'}); const cpu=process.cpuUsage();
const t0=performance.now(); const ps=[]; for (let i=0;i<5000;i++){ const due=t0+i*2; const w=due-performance.now(); if(w>1) await new Promise(r=>setTimeout(r,w)); ps.push(ask(2000+i)); } await Promise.all(ps);
const x=process.cpuUsage(cpu); console.log(process.argv[2],'client us/call',Math.round((x.user+x.system)/5000)); const r:any=await (await fetch(u+'/stand-in/calls')).json(); console.log(r, 'server us/call', Math.round(r.cpuMicroseconds/r.total)); c.close();
