"""Expressions that are true of SELF, with what Kubernetes adds to CEL; the API server is asked, too."""

from __future__ import annotations

from typing import Any

SELF: dict[str, Any] = {"a": 1, "b": "x", "l": [1, 2, 3], "m": {"p": "x"}, "s": "hello", "n": 2, "d": 1.5}

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "a": {"type": "integer"},
        "b": {"type": "string", "maxLength": 10},
        "zz": {"type": "string", "maxLength": 10},
        "l": {"type": "array", "maxItems": 10, "items": {"type": "integer"}},
        "m": {
            "type": "object",
            "maxProperties": 10,
            "additionalProperties": {"type": "string", "maxLength": 10},
        },
        "s": {"type": "string", "maxLength": 10},
        "n": {"type": "integer"},
        "d": {"type": "number"},
    },
}

TRUE = """
self.a == 1
has(self.b) && !has(self.zz)
self.l.all(x, x > 0)
self.l.exists(x, x == 2)
self.l.exists_one(x, x == 2)
self.l.filter(x, x > 1) == [2, 3]
self.l.map(x, x * 2) == [2, 4, 6]
self.l.map(x, x > 1, x * 2) == [4, 6]
self.m.all(k, k != '')
self.?zz.orValue('d') == 'd'
!self.m[?'zz'].hasValue()
optional.of(1).value() == 1
[?self.?zz, ?self.?b] == ['x']
self.l[?5].orValue(9) == 9
self.?b.optMap(v, v + 'y').orValue('') == 'xy'
'abc'.matches('^[a-z]+$') && !'abc'.matches('^b')
'a,b'.split(',') == ['a', 'b']
['a', 'b'].join('-') == 'a-b'
'hello'.charAt(1) == 'e'
'hello'.indexOf('l') == 2 && 'hello'.lastIndexOf('l') == 3
'hello'.substring(1, 3) == 'el'
' x '.trim() == 'x'
'aBc'.lowerAscii() == 'abc' && 'aBc'.upperAscii() == 'ABC'
'abc'.replace('b', 'x') == 'axc'
'%s-%d'.format(['a', 1]) == 'a-1'
'abc 123'.find('[0-9]+') == '123' && 'abc'.find('[0-9]+') == ''
'a1b2'.findAll('[0-9]') == ['1', '2'] && 'a1b2'.findAll('[0-9]', 1) == ['1']
[1, 2, 3].isSorted() && ![2, 1].isSorted() && ['a', 'b'].isSorted()
[1, 2, 3].sum() == 6 && [1, 2].min() == 1 && ['a', 'b'].max() == 'b'
['a', 'b', 'a'].indexOf('a') == 0 && ['a', 'b', 'a'].lastIndexOf('a') == 2 && ['a'].indexOf('c') == -1
isURL('https://x.y/z') && isURL('/a/b') && !isURL('a/b') && !isURL('../a') && !isURL('')
url('https://x.y:80/z?q=1').getHost() == 'x.y:80' && url('https://x.y:80/z').getHostname() == 'x.y'
url('https://x.y:80/z').getPort() == '80' && url('https://x.y/z').getPort() == ''
url('https://u@[::1]:80/a%20b?x=1&x=2').getHostname() == '::1' && url('/a b?x').getEscapedPath() == '/a%20b'
url('https://x.y/z?x=1&x=2').getQuery()['x'] == ['1', '2'] && url('https://x.y/z').getScheme() == 'https'
quantity('100m').isLessThan(quantity('1')) && quantity('1Gi').isGreaterThan(quantity('1G'))
quantity('1k') == quantity('1000') && quantity('1').compareTo(quantity('1')) == 0
sign(quantity('-1')) == -1
quantity('1').add(quantity('2')).asInteger() == 3 && quantity('5').sub(2).asInteger() == 3
quantity('1.5').isInteger() == false && quantity('500m').asApproximateFloat() == 0.5
isQuantity('1Gi') && isQuantity('1e3') && isQuantity('.5') && !isQuantity('1Gb') && !isQuantity('')
isIP('1.2.3.4') && isIP('::1') && !isIP('1.2.3') && !isIP('::ffff:1.2.3.4') && !isIP('fe80::1%eth0')
!isIP('01.2.3.4')
ip('1.2.3.4').family() == 4 && ip('::1').family() == 6 && ip('::1').isLoopback()
ip('0.0.0.0').isUnspecified()
ip('8.8.8.8').isGlobalUnicast() && !ip('255.255.255.255').isGlobalUnicast()
ip('10.0.0.1').isGlobalUnicast()
ip('224.0.0.1').isLinkLocalMulticast() && ip('169.254.1.1').isLinkLocalUnicast()
ip('fe80::1').isLinkLocalUnicast()
ip.isCanonical('::1') && !ip.isCanonical('0:0::1') && string(ip('0:0::1')) == '::1'
cidr('10.0.0.0/8').containsIP('10.1.1.1') && !cidr('10.0.0.0/8').containsIP(ip('11.0.0.1'))
cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.0.0.0/16').containsCIDR(cidr('10.0.0.0/8'))
cidr('10.0.0.1/8').masked() == cidr('10.0.0.0/8') && cidr('10.0.0.1/8').prefixLength() == 8
cidr('10.0.0.1/8').ip() == ip('10.0.0.1') && string(cidr('10.0.0.1/8')) == '10.0.0.1/8'
isCIDR('10.0.0.0/8') && isCIDR('::/0') && !isCIDR('10.0.0.0') && !isCIDR('10.0.0.0/33')
!format.dns1123Label().validate('abc').hasValue() && format.dns1123Label().validate('A_').hasValue()
format.named('dns1123Label').hasValue() && !format.named('no-such').hasValue()
!format.labelValue().validate('').hasValue() && format.qualifiedName().validate('a/b/c').hasValue()
format.uuid().validate('x').hasValue() && !format.date().validate('2020-02-29').hasValue()
semver('1.2.3').isLessThan(semver('1.3.0')) && semver('1.0.0-rc.1').isLessThan(semver('1.0.0'))
isSemver('1.2.3-a+b') && !isSemver('v1.2') && isSemver('v1.2', true) && semver('v1.2', true).minor() == 2
semver('1.0.0-rc.2').isLessThan(semver('1.0.0-rc.10')) && semver('1.2.3').compareTo(semver('1.2.3')) == 0
sets.contains([1, 2], [1]) && sets.intersects([1], [1, 2]) && sets.equivalent([1, 2], [2, 1])
self.l.all(i, v, v == i + 1)
self.m.exists(k, v, v == 'x')
self.l.transformList(i, v, v + i) == [1, 3, 5]
duration('1h') > duration('30m') && duration('90s').getMinutes() == 1
timestamp('2020-01-01T00:00:00Z') < timestamp('2021-01-01T00:00:00Z')
type(1) == int && type('a') == string
self.n in [1, 2] && 'p' in self.m && !('q' in self.m)
dyn(1) == 1.0
self.d > 1.0
size(self.s) > 0 && self.s.startsWith('he') && self.s.endsWith('lo') && self.s.contains('el')
1 / (self.a - 1) == 1 || true
!(false && (1 / (self.a - 1) == 1))
int('3') == 3 && string(3) == '3' && double('1.5') == 1.5
b'abc' == bytes('abc')
"it's \\"ok\\"" == 'it\\'s "ok"'
r'\\d+' == '\\\\d+'
[1, 2] + [3] == [1, 2, 3]
{'a': 1, 'b': 2}['b'] == 2
""".strip().splitlines()
