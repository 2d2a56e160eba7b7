package deploy

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/yaml"
)

// objects reads what the chart makes with the types of Kubernetes and of the Prometheus Operator. A field that they do
// not have, or that is there twice, is a mistake.
func objects(t testing.TB, set string) (all []runtime.Object) {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{apps.AddToScheme, core.AddToScheme, networking.AddToScheme, policy.AddToScheme, monitoring.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	strict := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	for name, text := range mustRender(t, set) {
		if name == "NOTES.txt" {
			continue
		}
		for _, one := range documents(text) {
			o, _, err := strict.Decode([]byte(one), nil, nil)
			if err != nil {
				t.Errorf("%s with %s: %v\n%s", name, set, err, one)
				continue
			}
			all = append(all, o)
		}
	}
	return all
}

// only returns the object of a type.
func only[T runtime.Object](t testing.TB, all []runtime.Object) (one T) {
	t.Helper()
	i := slices.IndexFunc(all, func(o runtime.Object) bool { _, is := o.(T); return is })
	if i < 0 {
		t.Fatalf("there is no %T", one)
	}
	return all[i].(T)
}

// Whatever selects pods selects those of the Deployment; ports and volumes that are named are there.
func TestWhatTheChartMakesFitsTogether(t *testing.T) {
	for _, set := range valueSets {
		all := objects(t, set)
		pod := only[*apps.Deployment](t, all).Spec.Template
		selects := map[string]map[string]string{
			"deployment": only[*apps.Deployment](t, all).Spec.Selector.MatchLabels,
			"service":    only[*core.Service](t, all).Spec.Selector,
		}
		if set != "lean" {
			selects["policy"] = only[*networking.NetworkPolicy](t, all).Spec.PodSelector.MatchLabels
			selects["budget"] = only[*policy.PodDisruptionBudget](t, all).Spec.Selector.MatchLabels
		}
		if set != "try" {
			m := only[*monitoring.ServiceMonitor](t, all)
			if service := only[*core.Service](t, all); !labels.SelectorFromSet(m.Spec.Selector.MatchLabels).Matches(labels.Set(service.Labels)) {
				t.Errorf("%s: the monitor does not select the service: %v", set, service.Labels)
			} else if service.Labels[m.Spec.JobLabel] != "legate" {
				t.Errorf("%s: the job is %q, and the alert LegateDown knows legate", set, service.Labels[m.Spec.JobLabel])
			}
		}
		for _, c := range pod.Spec.TopologySpreadConstraints {
			selects["spread over "+c.TopologyKey] = c.LabelSelector.MatchLabels
		}
		for what, selector := range selects {
			if len(selector) == 0 || !labels.SelectorFromSet(selector).Matches(labels.Set(pod.Labels)) {
				t.Errorf("%s: %s selects %v, and the pods are %v", set, what, selector, pod.Labels)
			}
		}
		container := pod.Spec.Containers[0]
		for _, m := range container.VolumeMounts {
			if !slices.ContainsFunc(pod.Spec.Volumes, func(v core.Volume) bool { return v.Name == m.Name }) {
				t.Errorf("%s: there is no volume %s", set, m.Name)
			}
		}
		for _, p := range only[*core.Service](t, all).Spec.Ports {
			if !slices.ContainsFunc(container.Ports, func(c core.ContainerPort) bool { return c.Name == p.TargetPort.String() && c.ContainerPort == p.Port }) {
				t.Errorf("%s: no port %v in the container", set, p)
			}
		}
	}
}

// The restricted pod security standard, https://kubernetes.io/docs/concepts/security/pod-security-standards/
func TestThePodsAreRestricted(t *testing.T) {
	for _, set := range valueSets {
		pod := only[*apps.Deployment](t, objects(t, set)).Spec.Template.Spec
		own, all := pod.Containers[0].SecurityContext, pod.SecurityContext
		switch {
		case *own.AllowPrivilegeEscalation || !*own.ReadOnlyRootFilesystem || !*all.RunAsNonRoot || *all.RunAsUser != 65532:
		case !slices.Equal(own.Capabilities.Drop, []core.Capability{"ALL"}) || len(own.Capabilities.Add) > 0:
		case all.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault || *pod.AutomountServiceAccountToken:
		case pod.HostNetwork || pod.HostPID || pod.HostIPC || len(pod.Containers) != 1:
		default:
			continue
		}
		t.Errorf("%s: %+v, %+v", set, own, all)
	}
}

// Legate would start with the configuration and the policy that the chart makes. The files of its volumes are where
// the configuration says.
func TestLegateAcceptsTheConfigurationThatTheChartMakes(t *testing.T) {
	for _, set := range valueSets {
		all := objects(t, set)
		pod := only[*apps.Deployment](t, all).Spec.Template.Spec
		var certs, keys, texts []string
		config := map[string]string{}
		for _, m := range pod.Containers[0].VolumeMounts {
			v := pod.Volumes[slices.IndexFunc(pod.Volumes, func(v core.Volume) bool { return v.Name == m.Name })]
			switch {
			case v.ConfigMap != nil:
				for _, o := range all {
					if c, is := o.(*core.ConfigMap); is && c.Name == v.ConfigMap.Name {
						for name, text := range c.Data {
							config[m.MountPath+"/"+name] = text
						}
					}
				}
			case v.Secret != nil && v.Secret.SecretName == "legate-tls": // of type kubernetes.io/tls, and the authorities
				certs = append(certs, m.MountPath+"/tls.crt", m.MountPath+"/ca.crt")
				keys = append(keys, m.MountPath+"/tls.key")
			case v.Secret != nil && v.Name == "consul-ca":
				certs = append(certs, m.MountPath+"/"+v.Secret.Items[0].Path)
			case v.Secret != nil:
				texts = append(texts, m.MountPath+"/"+v.Secret.Items[0].Path)
			}
		}
		at := filled(t, certs, keys, texts)
		config = written(t, at, config)
		args := slices.Clone(pod.Containers[0].Args)
		for i, a := range args {
			if path, is := config[a]; is {
				args[i] = path
			}
		}
		if args[0] != "serve" || len(config) == 0 {
			t.Fatalf("%s: the pod runs %v with the files %v", set, args, config)
		}
		accepts(t, nil, args[1:]...)
	}
}

// Rules and dashboards pass through Helm as they are.
func TestTheChartChangesNeitherRulesNorDashboards(t *testing.T) {
	all := objects(t, "full")
	const runbooks = "https://git.example.com/legate/docs/when.md"
	want := strings.ReplaceAll(source(t, "examples/grafana/legate.rules.yml"), "file:///usr/share/doc/legate/docs/when.md#", runbooks+"#")
	var spec monitoring.PrometheusRuleSpec
	if err := yaml.UnmarshalStrict([]byte(want), &spec); err != nil {
		t.Fatal(err)
	}
	if got := only[*monitoring.PrometheusRule](t, all).Spec; !reflect.DeepEqual(got, spec) || len(got.Groups) == 0 {
		t.Errorf("the rules are not those of examples/grafana:\n%+v\nwant\n%+v", got, spec)
	}
	boards := 0
	for _, o := range all {
		c, is := o.(*core.ConfigMap)
		if !is || c.Labels["grafana_dashboard"] != "1" {
			continue
		}
		for name, text := range c.Data {
			boards++
			if strings.TrimSpace(text) != strings.TrimSpace(source(t, "examples/grafana/"+name)) {
				t.Errorf("%s is not what it is in examples/grafana", name)
			}
		}
	}
	if boards != 5 {
		t.Errorf("%d dashboards, want 5", boards)
	}
}
