/** Marked, so that nobody takes them for those of the real packs. */
const OWN = "# Values of the lab's own making, not those of the real pack.\n";

const OPTION = ".spectro.pack.edge-native-byoi.options.system";

const BYOI = `pack:
  content:
    images:
      - image: "{{.spectro.pack.edge-native-byoi.options.system.uri}}"
options:
  system.uri: "{{ ${OPTION}.registry }}/{{ ${OPTION}.repo }}:{{ ${OPTION}.k8sDistribution }}-{{ .spectro.system.kubernetes.version }}-{{ ${OPTION}.peVersion }}-{{ ${OPTION}.customTag }}"
`;

const KUBERNETES = `pack:
  palette:
    config:
      oidc:
        identityProvider: none
cluster:
  config: |
    clusterConfiguration:
      apiServer:
        extraArgs:
          profiling: "false" # not for production
      networking:
        podSubnet: 100.64.0.0/18
        serviceSubnet: 100.64.64.0/18
`;

const CILIUM = `pack:
  content:
    images: []
charts:
  cilium:
    # Replaces kube-proxy where the kernel allows it.
    kubeProxyReplacement: "false"
    ipam:
      mode: kubernetes
    operator:
      replicas: 1
`;

const LONGHORN = `pack:
  namespace: longhorn-system
charts:
  longhorn:
    persistence:
      defaultClass: true
      defaultClassReplicaCount: 3
    defaultSettings:
      # Where the disks of the nodes are.
      defaultDataPath: /var/lib/longhorn
`;

const NETWORK_OPERATOR = `pack:
  namespace: network-operator
  spectrocloud.com/install-priority: "10"
charts:
  network-operator:
    sriovNetworkOperator:
      enabled: false
    nfd:
      enabled: true
`;

const NODE_PREPARATION = `pack:
  spectrocloud.com/install-priority: "0"
manifests:
  nodeprep-controller:
    # DaemonSet that prepares the nodes before anything else is installed.
    tolerations:
      - operator: Exists
`;

/** What a pack brings where a profile gives no values of its own. */
export const PACK_VALUES: Readonly<Record<string, string>> = {
    "edge-native-byoi": OWN + BYOI,
    "edge-k8s": OWN + KUBERNETES,
    "cni-cilium-oss": OWN + CILIUM,
    "csi-longhorn": OWN + LONGHORN,
    "network-operator": OWN + NETWORK_OPERATOR,
    "nodeprep-controller": OWN + NODE_PREPARATION,
};
