# expect: 4:8 parse
package own

import concordat.common

a := 1
