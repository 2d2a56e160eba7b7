package xdsserver

import (
	"testing"

	"legate/internal/xdstest"
	"legate/translate"
)

// A cluster refers to a secret, so it comes first; Envoy asks for the secret by name.
func TestASecretIsServedToThoseWhoNameIt(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("web", 1), xdstest.Secret("ca", 1), xdstest.Secret("other", 1))...)
		c := open("edge")
		c.Want(cds)
		c.Accept(cds, "web@1")
		c.Want(sds, "ca")
		c.Accept(sds, "ca@1")
		c.Want(eds, "web")
		c.Accept(eds, "web@1")
		c.Silence()

		// Another file: the cluster changes, and refers to another secret.
		s.Publish(own, translate.Batch{Set: []translate.Resource{cluster("web", 2), xdstest.Secret("ca2", 1)}, Gone: []translate.Name{{Type: sds, Name: "other"}}})
		c.Accept(cds, "web@2")
		c.Accept(eds, "web@1")
		c.Want(sds, "ca", "ca2")
		c.Accept(sds, "ca2@1")
		c.Want(sds, "ca2")
		c.Silence()
		s.set(cluster("web", 3)) // the secret stays what it is: Envoy has it, and waits for nothing
		c.Accept(cds, "web@3")
		c.Accept(eds, "web@1")
		c.Silence()
	})
}

// A secret that there is not is reported. Over incremental xDS the client hears of it, so that it does not wait.
func TestASecretThatThereIsNotIsReported(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		m := s.counted()
		s.set(append(service("web", 1), xdstest.Secret("ca", 1))...)
		c := open("edge")
		c.Want(sds, "ca", "ac")
		r := c.Read()
		if incremental := r.Versions != nil; r.Resources["ca"] == nil || len(r.Resources) != 1 || incremental && (len(r.Removed) != 1 || r.Removed[0] != "ac") {
			t.Errorf("got %s", r)
		}
		c.Ack(r)
		s.inVain(m, sds, 1, "ac: no cluster refers to such a secret")
		s.set(xdstest.Secret("ac", 2))
		c.Accept(sds, "ac@2")
		s.inVain(m, sds, 0)
	})
}

// Whose file is missing is rejected, and harms no other secret.
func TestARejectedSecretIsFound(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("web", 1), xdstest.Secret("missing", 1), xdstest.Secret("there", 1))...)
		c := open("edge")
		c.Want(sds, "missing", "there")
		c.Nack(c.Expect(sds, "missing@1", "there@1"), "no such file")
		for range 2 {
			if r := c.Read(); r.Resources["missing"] != nil {
				c.Nack(r, "no such file")
			} else {
				c.Ack(r)
			}
		}
		c.Silence()
		if got := s.Votes(own, []translate.Name{{Type: sds, Name: "missing"}, {Type: sds, Name: "there"}}).Rejected; len(got) != 1 || got[0].Name.Name != "missing" {
			t.Errorf("rejected: %+v", got)
		}
	})
}
