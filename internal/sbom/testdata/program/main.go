// Command program is one that has a module of others compiled into it.
package main

import (
	"fmt"

	"github.com/package-url/packageurl-go"
)

func main() {
	fmt.Println(packageurl.NewPackageURL("generic", "", "program", "", nil, ""))
}
