// Package v20170312 stands in for the client of Tencent's networks: every call
// says that the cloud is not built in.
package v20170312

import "errors"

var errNotBuiltIn = errors.New("the back end tencent-vpc is not built into this flannel")

// Client refuses every call.
type Client struct{}

// NewClientWithSecretId makes a client; the name is the SDK's.
func NewClientWithSecretId(id, key, region string) (*Client, error) { return &Client{}, nil }

// DescribeRouteTables fails.
func (*Client) DescribeRouteTables(*DescribeRouteTablesRequest) (*DescribeRouteTablesResponse, error) {
	return nil, errNotBuiltIn
}

// CreateRoutes fails.
func (*Client) CreateRoutes(*CreateRoutesRequest) (any, error) { return nil, errNotBuiltIn }

// DeleteRoutes fails.
func (*Client) DeleteRoutes(*DeleteRoutesRequest) (any, error) { return nil, errNotBuiltIn }
