/**
 * `node scripts/kubernetes-tool.ts`: builds an API server of Kubernetes and its command line, with which test/package/kubernetes-api.test.ts
 * tries our manifests; programs that are named behind it, in their place.
 */
import { buildKubernetes, kubernetesProgram } from '../test/package/kubernetes-programs.ts';

const given = process.argv.slice(2);
const names = given.length > 0 ? given : ['kube-apiserver', 'kubectl'];
buildKubernetes(names);
for (const name of names) console.log(kubernetesProgram(name));
