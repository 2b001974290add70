"""Data: the fields of objects that name other objects, as references.py reads them."""

TRAEFIK = """\
IngressRoute    spec.routes[].services[].name             Service TraefikService.GROUP
IngressRoute    spec.routes[].middlewares[].name          Middleware.GROUP
IngressRoute    spec.routes[].services[].serversTransport ServersTransport.GROUP local
IngressRoute    spec.tls.secretName                       Secret certificate local
IngressRoute    spec.tls.options.name                     TLSOption.GROUP
IngressRouteTCP spec.routes[].services[].name             Service
IngressRouteTCP spec.routes[].middlewares[].name          MiddlewareTCP.GROUP
IngressRouteTCP spec.routes[].services[].serversTransport ServersTransportTCP.GROUP local
IngressRouteTCP spec.tls.secretName                       Secret certificate local
IngressRouteTCP spec.tls.options.name                     TLSOption.GROUP
IngressRouteUDP spec.routes[].services[].name             Service
TraefikService  spec.weighted.services[].name             Service TraefikService.GROUP
TraefikService  spec.mirroring.name                       Service TraefikService.GROUP
TraefikService  spec.mirroring.mirrors[].name             Service TraefikService.GROUP
Middleware      spec.chain.middlewares[].name             Middleware.GROUP
Middleware      spec.errors.service.name                  Service TraefikService.GROUP
Middleware      spec.basicAuth.secret                     Secret local
Middleware      spec.digestAuth.secret                    Secret local
Middleware      spec.forwardAuth.tls.caSecret             Secret local
Middleware      spec.forwardAuth.tls.certSecret           Secret local
TLSStore        spec.defaultCertificate.secretName        Secret certificate local
TLSStore        spec.certificates[].secretName            Secret certificate local
TLSOption       spec.clientAuth.secretNames[]             Secret local
ServersTransport    spec.certificatesSecrets[]            Secret local
ServersTransport    spec.rootCAsSecrets[]                 Secret local
ServersTransportTCP spec.tls.certificatesSecrets[]        Secret local
ServersTransportTCP spec.tls.rootCAsSecrets[]             Secret local
"""

# Kinds are at the left margin, and below them their fields: path, the kinds it names, and flags of Field.
OTHERS = """\
Route.route.openshift.io
  spec.to.name Service local
  spec.alternateBackends[].name Service local
  spec.tls.externalCertificate.name Secret certificate local
ExternalSecret.external-secrets.io
  spec.secretStoreRef.name SecretStore.ESO ClusterSecretStore.ESO local
  spec.data[].sourceRef.storeRef.name SecretStore.ESO ClusterSecretStore.ESO local
  spec.dataFrom[].sourceRef.storeRef.name SecretStore.ESO ClusterSecretStore.ESO local
ClusterExternalSecret.external-secrets.io
  spec.externalSecretSpec.secretStoreRef.name SecretStore.ESO ClusterSecretStore.ESO
PushSecret.external-secrets.io
  spec.secretStoreRefs[].name SecretStore.ESO ClusterSecretStore.ESO local
  spec.selector.secret.name Secret local
SecretStore.ESO ClusterSecretStore.ESO
  spec.provider.**SecretRef.name Secret
Issuer.cert-manager.io ClusterIssuer.cert-manager.io
  spec.ca.secretName Secret local
  spec.acme.solvers[].**SecretRef.name Secret local
  spec.acme.externalAccountBinding.keySecretRef.name Secret local
  spec.vault.**SecretRef.name Secret local
  spec.venafi.**SecretRef.name Secret local
Certificate.cert-manager.io
  spec.keystores.jks.passwordSecretRef.name Secret local
  spec.keystores.pkcs12.passwordSecretRef.name Secret local
TriggerAuthentication.keda.sh
  spec.secretTargetRef[].name Secret local
  spec.configMapTargetRef[].name ConfigMap local
ClusterTriggerAuthentication.keda.sh
  spec.secretTargetRef[].name Secret local
ScaledObject.keda.sh ScaledJob.keda.sh
  spec.triggers[].authenticationRef.name TriggerAuthentication.KEDA ClusterTriggerAuthentication.KEDA local
Rollout.argoproj.io
  spec.strategy.canary.canaryService Service local
  spec.strategy.canary.stableService Service local
  spec.strategy.blueGreen.activeService Service local
  spec.strategy.blueGreen.previewService Service local
  spec.strategy.canary.pingPong.pingService Service local
  spec.strategy.canary.pingPong.pongService Service local
  spec.strategy.canary.trafficRouting.nginx.stableIngress Ingress.networking.k8s.io local
  spec.strategy.canary.trafficRouting.nginx.stableIngresses[] Ingress.networking.k8s.io local
  spec.strategy.canary.trafficRouting.alb.ingress Ingress.networking.k8s.io local
  spec.strategy.canary.trafficRouting.alb.rootService Service local
  spec.strategy.canary.trafficRouting.traefik.weightedTraefikServiceName TraefikService.traefik.io local
  spec.strategy.canary.trafficRouting.istio.virtualService.name VirtualService.networking.istio.io local
  spec.strategy.canary.trafficRouting.istio.virtualServices[].name VirtualService.networking.istio.io local
  spec.strategy.canary.trafficRouting.istio.destinationRule.name DestinationRule.networking.istio.io local
  spec.strategy.canary.analysis.templates[].templateName AnalysisTemplate.argoproj.io local
  spec.strategy.canary.steps[].analysis.templates[].templateName AnalysisTemplate.argoproj.io local
  spec.strategy.canary.steps[].experiment.analyses[].templateName AnalysisTemplate.argoproj.io local
  spec.strategy.blueGreen.prePromotionAnalysis.templates[].templateName AnalysisTemplate.argoproj.io local
  spec.strategy.blueGreen.postPromotionAnalysis.templates[].templateName AnalysisTemplate.argoproj.io local
  spec.workloadRef.name Deployment.apps ReplicaSet.apps local
AnalysisTemplate.argoproj.io
  spec.templates[].templateName AnalysisTemplate.argoproj.io local
  spec.args[].valueFrom.secretKeyRef.name Secret local
VolumeSnapshot.snapshot.storage.k8s.io
  spec.source.persistentVolumeClaimName PersistentVolumeClaim local
  spec.volumeSnapshotClassName VolumeSnapshotClass.snapshot.storage.k8s.io
PersistentVolumeClaim
  spec.dataSource.name VolumeSnapshot.snapshot.storage.k8s.io PersistentVolumeClaim local strict
L2Advertisement.metallb.io
  spec.ipAddressPools[] IPAddressPool.metallb.io local
BGPAdvertisement.metallb.io
  spec.ipAddressPools[] IPAddressPool.metallb.io local
  spec.peers[] BGPPeer.metallb.io local
BGPPeer.metallb.io
  spec.passwordSecret.name Secret
  spec.bfdProfile BFDProfile.metallb.io local
ServiceAccount
  imagePullSecrets[].name Secret local
ValidatingWebhookConfiguration.admissionregistration.k8s.io
  webhooks[].clientConfig.service.name Service
MutatingWebhookConfiguration.admissionregistration.k8s.io
  webhooks[].clientConfig.service.name Service
APIService.apiregistration.k8s.io
  spec.service.name Service
RoleBinding.rbac.authorization.k8s.io ClusterRoleBinding.rbac.authorization.k8s.io
  subjects[].name ServiceAccount strict
  roleRef.name ClusterRole.rbac.authorization.k8s.io strict
ServiceMonitor.monitoring.coreos.com
  spec.endpoints[].basicAuth.username.name Secret local
  spec.endpoints[].basicAuth.password.name Secret local
  spec.endpoints[].authorization.credentials.name Secret local
  spec.endpoints[].bearerTokenSecret.name Secret local
PodMonitor.monitoring.coreos.com
  spec.podMetricsEndpoints[].basicAuth.username.name Secret local
  spec.podMetricsEndpoints[].basicAuth.password.name Secret local
  spec.podMetricsEndpoints[].authorization.credentials.name Secret local
  spec.podMetricsEndpoints[].bearerTokenSecret.name Secret local
PrometheusAgent.monitoring.coreos.com Prometheus.monitoring.coreos.com
  spec.additionalScrapeConfigs.name Secret local
Alertmanager.monitoring.coreos.com
  spec.configSecret Secret local
HTTPRoute.gateway.networking.k8s.io
  spec.rules[].filters[].requestMirror.backendRef.name Service ServiceImport.multicluster.x-k8s.io
  spec.rules[].filters[].extensionRef.name Middleware.traefik.io HTTPRouteFilter.ENVOY local strict
BackendTLSPolicy.gateway.networking.k8s.io
  spec.validation.caCertificateRefs[].name ConfigMap Secret local
SecurityPolicy.ENVOY
  spec.basicAuth.users.name Secret
  spec.oidc.clientSecret.name Secret
HTTPProxy.projectcontour.io
  spec.routes[].services[].name Service local
  spec.tcpproxy.services[].name Service local
  spec.includes[].name HTTPProxy.projectcontour.io
VirtualServer.k8s.nginx.org VirtualServerRoute.k8s.nginx.org
  spec.upstreams[].service Service local
  spec.tls.secret Secret certificate local
Canary.flagger.app
  spec.targetRef.name Deployment.apps DaemonSet.apps local
  spec.ingressRef.name Ingress.networking.k8s.io local
  spec.autoscalerRef.name HorizontalPodAutoscaler.autoscaling ScaledObject.keda.sh local
  spec.analysis.metrics[].templateRef.name MetricTemplate.flagger.app
CronWorkflow.argoproj.io
  spec.workflowSpec.workflowTemplateRef.name WorkflowTemplate.argoproj.io local
Workflow.argoproj.io
  spec.workflowTemplateRef.name WorkflowTemplate.argoproj.io local
Pipeline.tekton.dev
  spec.tasks[].taskRef.name Task.tekton.dev ClusterTask.tekton.dev local
PipelineRun.tekton.dev
  spec.pipelineRef.name Pipeline.tekton.dev local
EventListener.triggers.tekton.dev
  spec.triggers[].template.ref TriggerTemplate.triggers.tekton.dev local
  spec.triggers[].bindings[].ref TriggerBinding.TRIGGERS ClusterTriggerBinding.TRIGGERS local
ScheduledBackup.postgresql.cnpg.io Pooler.postgresql.cnpg.io Database.postgresql.cnpg.io
  spec.cluster.name Cluster.postgresql.cnpg.io local
Cluster.postgresql.cnpg.io
  spec.bootstrap.initdb.secret.name Secret local
Schedule.velero.io
  spec.template.storageLocation BackupStorageLocation.velero.io local
BackupStorageLocation.velero.io VolumeSnapshotLocation.velero.io
  spec.credential.name Secret local
ReplicationSource.volsync.backube ReplicationDestination.volsync.backube
  spec.sourcePVC PersistentVolumeClaim local
  spec.restic.repository Secret local
GrafanaDashboard.grafana.integreatly.org
  spec.configMapRef.name ConfigMap local
"""
