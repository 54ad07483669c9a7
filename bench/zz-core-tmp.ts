import { Core } from '/work/main/controller/core/core.ts';
const now = (ms:number)=>({mono:ms,wall:1.7e12+ms});
function make(servers:number, max:number){
  const core:any = new Core({version:'x',schedules:()=>({kind:'never'}),verifyIntervalMs:0,maxCommitsInFlight:1} as any);
  let t=0; let stats={writes:0};
  const runs=new Map<string,any>();
  const q:any[]=[{kind:'elected',term:1,clusterId:'c',incarnation:1,firstOfIncarnation:true,records:[]}];
  let spent=0; let starts=0;
  const turn=()=>{ while(q.length){ const m=q.splice(0); const a=performance.now(); for(const e of m) core.step(e,now(t)); const fx=core.flush(now(t)); spent+=performance.now()-a;
    for(const f of fx){ if(f.kind==='persist'){stats.writes+=f.writes.length;q.push({kind:'committed',commit:f.commit});} else if(f.kind==='verify_term') q.push({kind:'term_verified',check:f.check}); else if(f.kind==='send'&&f.message.kind==='start'){starts++;q.push({kind:'command_result',conn:f.conn,commandId:f.message.commandId,outcome:'APPLIED',reason:'',detail:'',pid:1});} else if(f.kind==='reply'&&!f.result.ok) console.log(f.result.error.message);} } };
  turn();
  for(let i=0;i<servers;i++) q.push({kind:'hello',conn:i,hello:{server:`s${i}`,pool:'default',uid:undefined,instanceId:`i${i}`,machineId:`m${i}`,bootId:`b${i}`,uptimeMs:1e6,agentVersion:'1',capabilities:[{name:'os',value:'linux',source:'CONFIG'}],capacity:{maxSlots:max,saturated:false},inventory:[],highestTerm:0,highestEpoch:0,clusterId:''}});
  turn();
  return {core,q,turn,get spent(){return spent},reset(){spent=0;starts=0},get starts(){return starts},set t(v:number){t=v},get t(){return t}};
}
const spec=(n:number,servers:string[]=[],listMode='ONLY')=>({pool:'default',workload:{kind:'command',argv:['x'],env:{},workingDirectory:'',user:''},trigger:{kind:'continuous'},requirements:[],servers,listMode,slots:1,priority:50,maxConcurrentRuns:n,onDisconnect:'STOP',stopTimeoutMs:undefined,restart:{attempts:3,windowMs:6e5,delayMs:1e3},failback:undefined,onCapabilityLoss:'MOVE',onRunMissing:'NEXT',labels:{}});
let call=0;
const policy=(w:any,id:string,s:any)=>w.q.push({kind:'call',call:++call,actor:'a',requestId:'',fingerprint:'',validateOnly:false,request:{kind:'create_policy',policy:id,spec:s}});
{ // P7
  const w=make(30,1000); for(let i=0;i<1000;i++) policy(w,`p${i}`,spec(1,['s0'],'PREFER')); w.turn();
  for(let k=1;k<=9;k++){ w.t=k*5000; for(let i=1;i<30;i++) w.q.push({kind:'heartbeat',conn:i,sequence:k,generation:1,capacity:undefined,capabilities:undefined}); w.q.push({kind:'tick'}); if(k===9) w.reset(); w.turn(); }
  console.log('P7 1000 runs of one server: core', w.spent.toFixed(1),'ms, starts',w.starts);
}
{ // P8
  let w=make(10000,5); const a=performance.now(); for(let i=0;i<10000;i++) policy(w,`p${i}`,spec(1,[`s${i}`],'PREFER')); w.reset(); w.turn(); console.log('create 10000 policies', w.spent.toFixed(0),'ms', w.starts);
  for(let k=1;k<=9;k++){ w.t=k*5000; for(let i=1000;i<10000;i++) w.q.push({kind:'heartbeat',conn:i,sequence:k,generation:1,capacity:undefined,capabilities:undefined}); w.q.push({kind:'tick'}); w.reset(); w.turn(); console.log(k,'drain',w.spent.toFixed(0),'ms starts',w.starts); }
}
{ // P9: placements with 10,000 servers, front ones full
  const w=make(10000,5); w.reset(); policy(w,'a',spec(20000)); w.turn(); console.log('P9 20000 placements on 10000 servers', w.spent.toFixed(0),'ms', w.starts);
}
