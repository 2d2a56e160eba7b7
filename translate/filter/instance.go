package filter

import "legate/discovery/catalog"

// checkServiceNode is an instance as Consul filters it, with what Legate knows of one. Names and types are
// Consul's.
// https://github.com/hashicorp/consul/blob/v1.22.7/agent/structs/structs.go
type checkServiceNode struct {
	Node    node
	Service nodeService
	Checks  []healthCheck
}

type node struct {
	Node       string
	Address    string
	Datacenter string
	PeerName   string
	Meta       map[string]string
}

type nodeService struct {
	Kind       string
	ID         string
	Service    string
	Tags       []string
	Address    string
	Meta       map[string]string
	Port       int
	SocketPath string
	Weights    catalog.Weights
	PeerName   string
}

type healthCheck struct {
	Node        string
	CheckID     string
	Status      string
	ServiceID   string
	ServiceName string
	PeerName    string
}

// known says what there is in a checkServiceNode.
const known = "what is known of an instance is Service.Meta, Service.Tags, Service.ID, Service.Service, Service.Kind, Service.Address, " +
	"Service.Port, Service.SocketPath, Service.Weights.Passing, Service.Weights.Warning, Service.PeerName, Node.Meta, Node.Node, Node.Address, " +
	"Node.Datacenter, Node.PeerName, and of its checks Checks.CheckID, Checks.Status, Checks.ServiceID, Checks.ServiceName, Checks.Node and Checks.PeerName"

func checkServiceNodeOf(s catalog.ServiceKey, i *catalog.Instance) checkServiceNode {
	c := checkServiceNode{
		Node: node{i.Node, i.NodeAddress, s.Datacenter, s.Peer, i.NodeMeta},
		Service: nodeService{
			Kind: i.Kind, ID: i.ID, Service: s.Name, Tags: i.Tags, Address: i.ServiceAddress, Meta: i.Meta,
			Port: i.Port, SocketPath: i.SocketPath, Weights: i.Weights, PeerName: s.Peer,
		},
		Checks: make([]healthCheck, len(i.Checks)),
	}
	if len(i.Ports) > 0 {
		c.Service.Port = 0 // Consul has one or the other
	}
	for n, check := range i.Checks {
		c.Checks[n] = healthCheck{Node: i.Node, CheckID: check.ID, Status: check.Status, PeerName: s.Peer}
		if !check.Node {
			c.Checks[n].ServiceID, c.Checks[n].ServiceName = i.ID, s.Name
		}
	}
	return c
}
